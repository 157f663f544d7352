"""The runner of a step's own file of SQL."""

import datetime
import json

import pytest


@pytest.mark.parametrize("text, want", [
    ("", []),
    (" -- nothing\n/* at all */ ; ;", []),
    ("select 1", [(1, "select 1")]),
    ("\n select 1;\nselect 2;\n", [(2, "select 1"), (3, "select 2")]),
    ("select ';', \";\", `a;b` -- ;\n, 2; x", [(1, "select ';', \";\", `a;b` -- ;\n, 2"), (2, "x")]),
    (r"select '\';', 'a\\'; x", [(1, r"select '\';', 'a\\'"), (1, "x")]),
    (r"select `\`; x", [(1, r"select `\`"), (1, "x")]),
    ("select '''a;b'''; x", [(1, "select '''a;b'''"), (1, "x")]),
    ("/* a /* ; */ b; */ select 1 /**/; x", [(1, "/* a /* ; */ b; */ select 1 /**/"), (1, "x")]),
    ("select 1 --", [(1, "select 1 --")]),
])
def test_statements(sql, text, want):
    assert sql.statements(text) == want


@pytest.mark.parametrize("text, says", [
    ("select 1;\nselect 'a", "line 2: the text in ' never ends"),
    ("select \"a\\\"", "line 1: the text in \" never ends"),
    ("select `", "line 1: the text in ` never ends"),
    ("/* /* */", "line 1: the comment never ends"),
])
def test_text_that_never_ends(sql, text, says):
    with pytest.raises(ValueError, match=says):
        sql.statements(text)


@pytest.mark.parametrize("text, want", [
    ("a=1", ("a", 1)), ("a=0.5", ("a", 0.5)), ("a=x=y", ("a", "x=y")), ("a=", ("a", "")), ("a=true", ("a", "true")),
    ("a=2026-11-22", ("a", "2026-11-22")), ("a=007", ("a", "007")), ("a=[1]", ("a", "[1]")),
])
def test_parameters(sql, text, want):
    got = sql.parameter(text)
    assert got == want and type(got[1]) is type(want[1])


def run(spark, sql, tmp_path, text, *more, reads=()):
    file = tmp_path / "q.sql"
    file.write_text(text)
    argv = ["--sql", str(file), "--date", "2026-11-21", "--writes", str(tmp_path / "out"), *more]
    for name, uri in reads:
        argv += ["--reads", f"{name}={uri}"]
    sql.run(spark, *sql.arguments(argv))
    return json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_views_parameters_and_rows(spark, sql, tmp_path):
    spark.sql("select id as user_id, id * 10 as score from range(5)").write.parquet(str(tmp_path / "users"))
    (tmp_path / "users" / "manifest").write_text("{}")  # UNLOAD leaves one
    text = """create temporary view good as select * from users where score >= 10;
              -- the last one's rows; Spark takes no parameters in a view
              with better as (select * from good where score >= :lowest)
              select user_id, :date as day, :who as who from better"""
    got = run(spark, sql, tmp_path, text, "--into", "ranked", "--param", "lowest=20", "--param", "who=a'b",
              reads=[("clean/users", tmp_path / "users")])
    assert got == {"rows": 3}
    rows = spark.read.parquet(str(tmp_path / "out" / "ranked")).orderBy("user_id").collect()
    assert [tuple(r) for r in rows] == [(i, datetime.date(2026, 11, 21), "a'b") for i in (2, 3, 4)]


@pytest.mark.parametrize("text, says", [
    ("-- only this", "holds no statement"),
    ("select 1;\n\nselect * frm t", "q.sql, the statement in line 3: .*PARSE_SYNTAX_ERROR"),
    ("select * from nobody", "q.sql, the statement in line 1: .*TABLE_OR_VIEW_NOT_FOUND"),
    ("select :nothing", "q.sql, the statement in line 1: .*UNBOUND_SQL_PARAMETER"),
    ("select 1;\ncreate temporary view v1 as select 1", "line 2: the last statement yields no rows"),
])
def test_what_is_wrong_names_its_line(spark, sql, tmp_path, text, says):
    with pytest.raises(ValueError, match=says):
        run(spark, sql, tmp_path, text)
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_columns(spark, sql, tmp_path):
    (tmp_path / "users").mkdir()
    with pytest.raises(ValueError, match="the dataset users holds no"):
        run(spark, sql, tmp_path, "select 1", reads=[("users", tmp_path / "users")])
