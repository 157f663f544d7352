"""Reading and writing, which both jobs share."""

import gzip
import json

import pytest

import whole

SCHEMA = [("user_id", "bigint"), ("movie_id", "bigint"), ("rating", "double")]
ROWS = [(1, 10, 4.0), (2, 10, 3.5), (2, 11, None)]


def read(nightjob, spark, uri, schema=SCHEMA, aliases=None):
    return sorted(map(tuple, nightjob.read(spark, str(uri), schema, aliases).collect()), key=str)


def test_reads_only_parquet(nightjob, spark, tmp_path):
    folder = whole.parquet(spark, tmp_path / "a folder", ROWS, "user_id int, movie_id bigint, rating double", files=2)
    assert (folder / "manifest").exists()
    assert read(nightjob, spark, f"{folder}/") == ROWS


def test_casts_orders_and_drops_columns(nightjob, spark, tmp_path):
    rows = [("x", "4.5", 7, 1)]
    folder = whole.parquet(spark, tmp_path / "in", rows, "extra string, rating string, movie_id int, user_id smallint")
    frame = nightjob.read(spark, str(folder), SCHEMA)
    assert frame.dtypes == SCHEMA
    assert [tuple(r) for r in frame.collect()] == [(1, 7, 4.5)]


@pytest.mark.parametrize("left", [None, ["manifest"], []])
def test_no_parquet_is_an_empty_dataset(nightjob, spark, tmp_path, left):
    """No folder at all, one with a manifest only, and one with nothing."""
    folder = tmp_path / "in"
    if left is not None:
        folder.mkdir()
        for name in left:
            (folder / name).write_text("{}")
    frame = nightjob.read(spark, f"{folder}/", SCHEMA)
    assert frame.dtypes == SCHEMA and frame.collect() == []


def test_a_missing_column_is_named(nightjob, spark, tmp_path):
    folder = whole.parquet(spark, tmp_path / "in", [(1, 2)], "user_id bigint, film bigint")
    with pytest.raises(ValueError, match="in has no column movie_id, rating: it has user_id, film"):
        nightjob.read(spark, str(folder), SCHEMA)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_one_csv(nightjob, spark, tmp_path, end, packed):
    file = whole.csv_file(tmp_path / "ratings.csv", ["userId", "movieId", "rating"], ROWS, end)
    if packed:
        plain, file = file, tmp_path / "ratings.csv.gz"
        file.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(nightjob, spark, file, aliases={"userId": "user_id", "movieId": "movie_id"}) == ROWS


def test_our_spelling_goes_before_another(nightjob, spark, tmp_path):
    file = whole.csv_file(tmp_path / "r.csv", ["userId", "user_id", "movie_id", "rating"], [(9, 1, 2, 3)])
    assert read(nightjob, spark, file, aliases={"userId": "user_id"}) == [(1, 2, 3.0)]


def test_csv_with_quotes_and_lines_in_a_field(nightjob, spark, tmp_path):
    text = 'she said "no, no",\nand left \\ for good'
    file = whole.csv_file(tmp_path / "r.csv", ["id", "body"], [(1, text), (2, "plain")])
    assert read(nightjob, spark, file, [("id", "bigint"), ("body", "string")]) == [(1, text), (2, "plain")]


def test_a_value_of_another_type_ends_the_job(nightjob, spark, tmp_path):
    file = whole.csv_file(tmp_path / "r.csv", ["user_id", "movie_id", "rating"], [(1, 2, "good")])
    with pytest.raises(Exception, match="CAST_INVALID_INPUT"):
        read(nightjob, spark, file)


def test_write_replaces_and_counts(nightjob, spark, tmp_path):
    uri = f"{tmp_path}/out/"
    assert nightjob.write(spark.range(5).repartition(2), uri) == 5
    assert nightjob.write(spark.range(3), uri) == 3
    assert spark.read.parquet(uri).count() == 3


def test_write_of_nothing_leaves_a_readable_folder(nightjob, spark, tmp_path):
    uri = f"{tmp_path}/out/"
    assert nightjob.write(spark.createDataFrame([], "a bigint, b string"), uri) == 0
    assert spark.read.parquet(uri).dtypes == [("a", "bigint"), ("b", "string")]


def test_metrics_are_strict_json(nightjob, spark, tmp_path, capsys):
    nightjob.write_metrics(spark, f"{tmp_path}/", {
        "rows": 3, "rmse": 0.5, "mae": float("nan"), "none": None,
        "detail": {"inf": float("-inf"), "kept": 1, "text": "é\"\n"}})
    assert whole.metrics(tmp_path) == {"rows": 3, "rmse": 0.5, "detail": {"kept": 1, "text": "é\"\n"}}
    assert json.loads(capsys.readouterr().out)["rows"] == 3


def test_metrics_replace_older_ones(nightjob, spark, tmp_path):
    nightjob.write_metrics(spark, f"{tmp_path}/", {"rows": 1, "text": "long" * 100})
    nightjob.write_metrics(spark, f"{tmp_path}/", {"rows": 2})
    assert whole.metrics(tmp_path) == {"rows": 2}
