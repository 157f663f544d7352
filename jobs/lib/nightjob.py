"""What the shipped jobs share: arguments, session, reading and writing.

The engine calls a job as

    spark-submit --py-files nightjob.py main.py \
        --reads NAME=s3://bucket/prefix/ --writes s3://bucket/prefix/ --rank 10

A job reads Parquet (or one CSV), transforms with pure functions, writes
folders of Parquet under --writes and, last of all, metrics.json: where that
object is, everything else is complete.
"""

import argparse
import json
import math
import sys


def parser(prog, description, reads=True):
    """An argument parser that knows --reads and --writes and guesses nothing.

    An unknown argument, a missing one or a wrong type ends the process with
    status 2 before Spark is started. reads says whether it needs a --reads.
    """
    p = argparse.ArgumentParser(
        prog=prog, description=description, allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--reads", action="append", required=reads, default=[], metavar="NAME=URI", type=_named_uri,
                   help="a dataset to read: its folder of Parquet, or one .csv or .csv.gz file")
    p.add_argument("--writes", required=True, metavar="URI", type=_folder,
                   help="the folder that the results are written under")
    p.add_argument("--partitions", type=whole(1), default=4,
                   help="shuffle partitions; the same number gives the same result")
    return p


def _named_uri(text):
    name, sep, uri = text.partition("=")
    if not (name and sep and uri):
        raise argparse.ArgumentTypeError(f"{text!r}: want NAME=URI")
    return name, uri


def _folder(text):
    return text if text.endswith("/") else text + "/"


def whole(lowest):
    """The type of an argument that is a whole number, at least lowest."""
    def parse(text):
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"{text}: want at least {lowest}")
        return value
    parse.__name__ = "whole number"
    return parse


def number(lowest=-math.inf, below=math.inf):
    """The type of an argument that is a number in [lowest, below)."""
    def parse(text):
        value = float(text)
        if not lowest <= value < below:
            raise argparse.ArgumentTypeError(f"{text}: want at least {lowest} and less than {below}")
        return value
    parse.__name__ = "number"
    return parse


def only_read(p, args):
    """The URI of the job's one --reads; more than one is an error (status 2)."""
    if len(args.reads) != 1:
        p.error(f"want one --reads, got {len(args.reads)}: {', '.join(n for n, _ in args.reads)}")
    return args.reads[0][1]


def session(name, partitions):
    """A Spark session made for small nights: few partitions, nothing adaptive.

    The number of partitions is fixed because results must not depend on how
    large or how finely cut the input was. With ANSI casts a value that does
    not fit its column ends the job instead of turning into a null.
    """
    from pyspark.sql import SparkSession
    return (SparkSession.builder.appName(name)
            .config("spark.sql.shuffle.partitions", partitions)
            .config("spark.sql.adaptive.enabled", "false")
            .config("spark.sql.ansi.enabled", "true")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.ui.enabled", "false")
            .getOrCreate())


def main(job, argv, arguments, run):
    """A job from its command line to its end; run gets (spark, args, uri)."""
    args, uri = arguments(argv)
    spark = session("lamplighter " + job, args.partitions)
    try:
        run(spark, args, uri)
    finally:
        spark.stop()


def keep_checkpoints(spark):
    """Lets Spark write checkpoints, into the cluster's own file system.

    They lie below Java's folder for temporary files: HDFS has one of that name
    too, and both go with the cluster.
    """
    folder = spark._jvm.java.lang.System.getProperty("java.io.tmpdir")
    spark.sparkContext.setCheckpointDir(folder.rstrip("/") + "/lamplighter-checkpoints")


def read(spark, uri, schema, aliases=None):
    """The rows under a folder of Parquet, or of a CSV with a header.

    schema is a list of (column, type); columns come out in its order, cast to
    its types, others are dropped, a missing one is an error. aliases maps
    other spellings of a column to ours (userId to user_id). Only *.parquet is
    read: UNLOAD leaves its manifest in the same folder. A folder without any
    is an empty dataset, which UNLOAD leaves when it has no rows.
    """
    if uri.endswith((".csv", ".csv.gz")):
        rows = spark.read.csv(uri, header=True, quote='"', escape='"', multiLine=True)
    elif _has_parquet(spark, uri):
        rows = spark.read.option("pathGlobFilter", "*.parquet").parquet(uri)
    else:
        print(f"{uri} holds no *.parquet: an empty dataset", file=sys.stderr)
        rows = spark.createDataFrame([], ", ".join(f"{c} {t}" for c, t in schema))
    for other, ours in (aliases or {}).items():
        if other in rows.columns and ours not in rows.columns:
            rows = rows.withColumnRenamed(other, ours)
    missing = [c for c, _ in schema if c not in rows.columns]
    if missing:
        raise ValueError(f"{uri} has no column {', '.join(missing)}: it has {', '.join(rows.columns)}")
    return rows.select([rows[c].cast(t).alias(c) for c, t in schema])


def _path(spark, uri):
    path = spark._jvm.org.apache.hadoop.fs.Path(uri)
    return path, path.getFileSystem(spark._jsc.hadoopConfiguration())


def text(spark, uri):
    """The content of a file of UTF-8 text."""
    path, fs = _path(spark, uri)
    stream = fs.open(path)
    try:
        return bytes(stream.readAllBytes()).decode("utf-8")
    finally:
        stream.close()


def _has_parquet(spark, uri):
    path, fs = _path(spark, uri)
    if not fs.exists(path):
        return False
    return any(s.getPath().getName().endswith(".parquet") for s in fs.listStatus(path))


def write(frame, uri):
    """Writes a frame as Parquet, replacing the folder; returns its row count."""
    from pyspark.sql import Observation, functions as F
    seen = Observation()
    frame.observe(seen, F.count(F.lit(1)).alias("rows")).write.mode("overwrite").parquet(uri)
    return seen.get["rows"]


def write_metrics(spark, folder, metrics):
    """Writes metrics.json into folder: one object whose numbers are metrics.

    Call it last. A number that is not finite is left out, since JSON has none.
    """
    body = json.dumps(_finite(metrics), indent=2, sort_keys=True, allow_nan=False) + "\n"
    path, fs = _path(spark, folder + "metrics.json")
    out = fs.create(path, True)
    try:
        out.write(bytearray(body, "utf-8"))
    finally:
        out.close()
    print(body, end="")


def _finite(value):
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()
                if v is not None and not (isinstance(v, float) and not math.isfinite(v))}
    return value
