"""Whole runs of a job through local files."""

import contextlib
import csv
import json
import random
from unittest import mock

from conftest import PARTITIONS


def arguments(job, reads, writes, **values):
    """(args, uri) as the engine's command line gives them."""
    argv = ["--reads", f"input={reads}", "--writes", str(writes), "--partitions", str(PARTITIONS)]
    for name, value in values.items():
        argv += [f"--{name}", str(value)]
    return job.arguments(argv)


def run(spark, job, reads, writes, **values):
    """Runs a job; returns metrics.json as a reader finds it."""
    job.run(spark, *arguments(job, reads, writes, **values))
    return metrics(writes)


@contextlib.contextmanager
def watched(nightjob, folder):
    """A list that fills with each thing a job writes into folder, and what was complete there before."""
    written, write, write_metrics = [], nightjob.write, nightjob.write_metrics

    def before(what):
        written.append((what, sorted(str(p.relative_to(folder)) for p in folder.glob("**/*")
                                     if p.name in ("_SUCCESS", "metrics.json"))))

    def see_write(frame, uri):
        before(uri.removeprefix(f"{folder}/"))
        return write(frame, uri)

    def see_metrics(*args):
        before("metrics.json")
        return write_metrics(*args)

    with mock.patch.multiple(nightjob, write=see_write, write_metrics=see_metrics):
        yield written


def metrics(folder):
    """metrics.json, read strictly: JSON has no NaN and no Infinity."""
    def refuse(word):
        raise ValueError(f"metrics.json holds {word}")
    return json.loads((folder / "metrics.json").read_text("utf-8"), parse_constant=refuse)


def parquet(spark, folder, rows, schema, files=1, seed=0):
    """Writes rows, shuffled, as so many files of Parquet, named and accompanied as UNLOAD does."""
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    folder.mkdir(parents=True)
    scratch = folder.with_name(folder.name + "-scratch")
    frame = spark.createDataFrame(rows, schema)
    (frame.repartition(files) if files > 1 else frame.coalesce(1)).write.parquet(str(scratch))
    parts = sorted(scratch.glob("part-*.parquet"))
    assert len(parts) == files
    for i, part in enumerate(parts):
        part.rename(folder / f"{i:04d}_part_00.parquet")
    # Neither is Parquet: a job that reads all files of the folder fails.
    (folder / "manifest").write_text('{"entries": []}\n')
    (folder / "notes.txt").write_text("not for you\n")
    return folder


def csv_file(file, header, rows, end="\r\n"):
    """Writes a CSV as MovieLens does: a header, CRLF, quotes where needed."""
    with open(file, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator=end)
        out.writerow(header)
        out.writerows(rows)
    return file
