"""What Python's drivers of the warehouse expect of the embedded one: psycopg2,
psycopg and Amazon's redshift_connector. It reads the cloud's place from the
environment that `localcloud env` prints, and the warehouse's CA file from its
first argument."""
import datetime
import decimal
import sys
import time

import boto3
import psycopg
import psycopg2
import redshift_connector

CA = sys.argv[1]
USER, PASSWORD = "u", "Secret123"


def cluster():
    redshift = boto3.client("redshift")
    redshift.create_cluster(ClusterIdentifier="one", NodeType="ra3.large", MasterUsername=USER, MasterUserPassword=PASSWORD, DBName="dev")
    until = time.time() + 60
    while time.time() < until:
        c = redshift.describe_clusters(ClusterIdentifier="one")["Clusters"][0]
        if c["ClusterStatus"] == "available":
            return c["Endpoint"]["Address"], c["Endpoint"]["Port"]
        time.sleep(0.1)
    raise AssertionError("the cluster did not come up")


def same(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def values(cur, mark):
    """The same statements through any driver; mark is its placeholder."""
    cur.execute("SELECT 1")
    same([tuple(r) for r in cur.fetchall()], [(1,)])
    cur.execute("CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR(20), amount DECIMAL(8,2), day DATE, at TIMESTAMP, ok BOOLEAN, r DOUBLE PRECISION)")
    at = datetime.datetime(2024, 2, 29, 23, 59, 59, 123000)
    row = (1, "ü'\\%s", decimal.Decimal("1.50"), at.date(), at, True, 0.5)
    places = ", ".join([mark] * len(row))
    cur.execute(f"INSERT INTO t VALUES ({places})", row)
    cur.execute(f"INSERT INTO t VALUES ({places})", (2,) + (None,) * 6)
    cur.execute(f"SELECT * FROM t WHERE id = {mark} ORDER BY id", (1,))
    same([tuple(r) for r in cur.fetchall()], [row])
    cur.execute("SELECT * FROM t WHERE name IS NULL")
    same(tuple(cur.fetchone()), (2,) + (None,) * 6)
    cur.execute("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
    same([tuple(r) for r in cur.fetchall()], [("t", "BASE TABLE")])
    cur.execute("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position")
    same([r[1] for r in cur.fetchall()], ["bigint", "character varying", "numeric", "date", "timestamp without time zone", "boolean", "double precision"])


def refused(connection, cur, code, get):
    """A failed statement tells its code; the transaction is aborted until it is rolled back."""
    for statement, want in (("SELECT * FROM nowhere", code), ("SELECT 1", "25P02")):
        try:
            cur.execute(statement)
        except Exception as e:
            same(get(e), want)
        else:
            raise AssertionError(f"{statement} was not refused")
    connection.rollback()
    cur.execute("SELECT 1")
    same(tuple(cur.fetchone()), (1,))


def end(connection, cur):
    connection.commit()
    cur.execute("DROP TABLE t")
    connection.commit()
    connection.close()


def with_psycopg2(host, port):
    c = psycopg2.connect(host=host, port=port, user=USER, password=PASSWORD, dbname="dev", sslmode="verify-full", sslrootcert=CA)
    cur = c.cursor()
    values(cur, "%s")
    c.commit()
    refused(c, cur, "42P01", lambda e: e.pgcode)
    end(c, cur)


def with_psycopg(host, port):
    # psycopg asks what it may send: UNICODE, which Redshift names, it does not know.
    c = psycopg.connect(host=host, port=port, user=USER, password=PASSWORD, dbname="dev", sslmode="verify-full", sslrootcert=CA, client_encoding="utf8")
    cur = c.cursor()
    values(cur, "%s")
    c.commit()
    for n in range(8):  # from the sixth time on it is a prepared statement of the server's
        cur.execute("SELECT id + %s FROM t WHERE id = 1", (n,), prepare=True)
        same(cur.fetchone(), (1 + n,))
    cur = c.cursor(binary=True)
    cur.execute("SELECT id, name, amount, day, at, ok, r FROM t WHERE id = 1")
    same(cur.fetchone()[2:4], (decimal.Decimal("1.50"), datetime.date(2024, 2, 29)))
    refused(c, cur, "42P01", lambda e: e.sqlstate)
    end(c, cur)


def with_redshift_connector(host, port):
    c = redshift_connector.connect(host=host, port=port, user=USER, password=PASSWORD, database="dev", sslmode="verify-ca")
    cur = c.cursor()
    values(cur, "%s")
    c.commit()
    same([r[2] for r in cur.get_tables(schema_pattern="public")], ["t"])
    refused(c, cur, "42P01", lambda e: e.args[0]["C"])
    end(c, cur)


place = cluster()
for client in (with_psycopg2, with_psycopg, with_redshift_connector):
    client(*place)
    print(client.__name__)
print("all as expected")
