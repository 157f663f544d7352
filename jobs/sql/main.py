"""Runs a file of Spark SQL and writes the rows of its last statement.

Each dataset that the step reads is a view: --reads clean/users=s3://… is the
view users. Statements end in semicolons; those before the last one may make
temporary views, which take no parameters. The last one's rows are written as
Parquet under --writes, or under its folder --into. :date is the last day that
the run covers; each --param NAME=VALUE is :NAME, a number if it is written
like one, else text.
"""

import datetime
import json
import sys

import nightjob


def arguments(argv):
    p = nightjob.parser("sql", "Runs a file of Spark SQL", reads=False)
    p.add_argument("--sql", required=True, metavar="URI", help="the file")
    p.add_argument("--date", required=True, type=datetime.date.fromisoformat, help="what :date stands for")
    p.add_argument("--into", default="", metavar="FOLDER", help="folder below --writes")
    p.add_argument("--param", action="append", default=[], type=parameter, metavar="NAME=VALUE")
    args = p.parse_args(argv)
    return args, args.sql


def parameter(text):
    """(name, value) of NAME=VALUE."""
    name, _, value = text.partition("=")
    try:
        number = json.loads(value)
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return name, number
    except ValueError:
        pass
    return name, value


def statements(text):
    """The statements of a script as (line, text), without those that are only comment.

    Knows quotes of all three kinds, a backslash in those of strings, and both
    kinds of comment, which nest.
    """
    found, start, i, code, depth = [], 0, 0, False, 0
    while i < len(text):
        c, two = text[i], text[i:i + 2]
        if two == "--":
            i = text.find("\n", i) if "\n" in text[i:] else len(text)
        elif two == "/*":
            depth, begin, i = 1, i, i + 2
            while depth and i < len(text):
                step = {"/*": 1, "*/": -1}.get(text[i:i + 2], 0)
                depth, i = depth + step, i + (2 if step else 1)
            if depth:
                raise ValueError(f"line {line(text, begin)}: the comment never ends")
        elif c in "'\"`":
            i = quoted(text, i)
            code = True
        elif c == ";":
            if code:
                found.append(piece(text, start, i))
            start, i, code = i + 1, i + 1, False
        else:
            code = code or not c.isspace()
            i += 1
    if code:
        found.append(piece(text, start, len(text)))
    return found


def quoted(text, begin):
    """The index after the quoted text that begins at begin."""
    quote, i = text[begin], begin + 1
    while i < len(text):
        if text[i] == "\\" and quote != "`":
            i += 2
        elif text[i] == quote:
            return i + 1
        else:
            i += 1
    raise ValueError(f"line {line(text, begin)}: the text in {quote} never ends")


def line(text, index):
    return text.count("\n", 0, index) + 1


def piece(text, start, end):
    skipped = len(text[start:end]) - len(text[start:end].lstrip())
    return line(text, start + skipped), text[start:end].strip()


def view(spark, name, uri):
    """Makes the Parquet below uri a view of that name."""
    rows = spark.read.option("pathGlobFilter", "*.parquet")
    try:
        rows = rows.parquet(uri)
    except Exception as e:
        if "UNABLE_TO_INFER_SCHEMA" in str(e):
            raise ValueError(f"the dataset {name} holds no *.parquet, so it has no columns: {uri}") from None
        raise
    rows.createOrReplaceTempView("`" + name + "`")


def result(spark, text, args):
    """The rows of a script's last statement."""
    script = statements(text)
    if not script:
        raise ValueError(f"{args.sql} holds no statement")
    values = dict(args.param, date=args.date)
    for at, statement in script:
        try:
            rows = spark.sql(statement, args=values)
        except Exception as e:
            raise ValueError(f"{args.sql.rpartition('/')[2]}, the statement in line {at}: {reason(e)}") from None
    if not rows.columns:
        raise ValueError(f"{args.sql.rpartition('/')[2]}, line {at}: the last statement yields no rows: end with a SELECT")
    return rows


def reason(error):
    """What Spark says of a statement, in one line."""
    lines = [l.strip() for l in str(error).split("\n")]
    return next((l for l in lines if l), type(error).__name__)


def run(spark, args, uri):
    """Makes the views, runs the file, writes what it yields; returns the metrics it wrote."""
    for name, reads in args.reads:
        view(spark, name.rpartition("/")[2], reads)
    rows = result(spark, nightjob.text(spark, uri), args)
    metrics = {"rows": nightjob.write(rows, args.writes + (args.into + "/" if args.into else ""))}
    nightjob.write_metrics(spark, args.writes, metrics)
    return metrics


def main(argv):
    nightjob.main("sql", argv, arguments, run)


if __name__ == "__main__":
    main(sys.argv[1:])
