"""What the shipped jobs reach on data that is not in this repository.

    VENV/bin/python jobs/bench/bench.py --ratings ratings.csv --seeds 42 1 7
    VENV/bin/python jobs/bench/bench.py --snippets movie_snippets.csv.gz

VENV has pyspark 3.5 and numpy. --ratings takes a ratings.csv of MovieLens
(userId, movieId, rating, timestamp), --snippets the movie review snippets of
Hutto and Gilbert (id, mean_rating, label3_at_0.05, text). Both may be given.
Each seed is one whole run of the job, in one session. Status 1: the mean F1
over the seeds is below its target, or the labels differ from the paper's.
"""

import argparse
import contextlib
import csv
import gzip
import io
import pathlib
import statistics
import sys
import tempfile
import time

import jobsource

# What the sentiment job has to reach on the snippets, as a mean over the seeds.
TARGETS = {"f1_weighted": 0.76, "f1_macro": 0.51}

# Where the authors cut the mean rating (-4 to 4); label3_at_0.05 is the outcome.
CUTS = {"negative_max": -0.2, "positive_min": 0.2}


def arguments(argv):
    p = argparse.ArgumentParser(prog="bench.py", description="What the shipped jobs reach on given data", allow_abbrev=False)
    p.add_argument("--ratings", type=pathlib.Path, metavar="FILE", help="ratings.csv of MovieLens")
    p.add_argument("--snippets", type=pathlib.Path, metavar="FILE", help="movie_snippets.csv or .csv.gz")
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="one run each (default: 1 to 5)")
    args = p.parse_args(argv)
    if not (args.ratings or args.snippets):
        p.error("want --ratings, --snippets or both")
    return args


def measured(spark, job, uri, scratch, seed, **values):
    """(metrics, seconds) of one whole run of a job."""
    argv = ["--reads", f"input={uri}", "--writes", str(scratch / "out"), "--seed", str(seed)]
    for name, value in values.items():
        argv += [f"--{name}", str(value)]
    args, uri = job.arguments(argv)
    begun = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):  # a run prints its metrics
        metrics = job.run(spark, args, uri)
    spark.catalog.clearCache()
    return metrics, time.monotonic() - begun


def table(rows, columns):
    """The lines of a table of numbers: one per (name, metrics), and their mean and spread."""
    lines = ["  ".join([f"{'seed':>6}"] + [f"{c:>13}" for c in columns])]
    for name, values in rows:
        lines.append("  ".join([f"{name:>6}"] + [f"{values[c]:13.4f}" for c in columns]))
    for name, of in (("mean", statistics.mean), ("spread", lambda v: max(v) - min(v))):
        lines.append("  ".join([f"{name:>6}"] + [f"{of([v[c] for _, v in rows]):13.4f}" for c in columns]))
    return lines


def bench_als(spark, file, seeds, scratch):
    """Prints the errors of ALS beside the baseline's."""
    job, rows = jobsource.load("als"), []
    for seed in seeds:
        metrics, seconds = measured(spark, job, file.resolve(), scratch, seed)
        rows.append((seed, dict(metrics, seconds=seconds)))
    first = rows[0][1]
    print(f"als: {first['ratings']} ratings of {first['users']} users and {first['items']} movies; "
          f"{first['settings']}")
    print("\n".join(table(rows, ["rmse", "baseline_rmse", "mae", "baseline_mae", "coverage", "seconds"])))
    return True


def snippets(file):
    """The rows (id, mean rating, label, text) of the snippets."""
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8", newline="") as f:
        return [(int(r["id"]), float(r["mean_rating"]), r["label3_at_0.05"], r["text"]) for r in csv.DictReader(f)]


def as_reviews(rows, file):
    """Writes snippets as the sentiment job reads reviews; ten to a movie, as they have none."""
    with open(file, "w", encoding="utf-8", newline="") as f:
        out = csv.writer(f)
        out.writerow(["review_id", "movie_id", "score", "body"])
        out.writerows((id, id // 10, score, text) for id, score, _, text in rows)


def labels_that_differ(spark, job, file, rows):
    """How many labels of the job differ from the paper's."""
    args, uri = job.arguments(["--reads", f"input={file}", "--writes", "unused"]
                              + [x for name, value in CUTS.items() for x in (f"--{name}", str(value))])
    reviews = job.labelled(job.nightjob.read(spark, uri, job.SCHEMA), args.negative_max, args.positive_min)
    ours = {r.review_id: r.label for r in reviews.select("review_id", "label").collect()}
    return sum(ours.get(id) != label for id, _, label, _ in rows) + abs(len(ours) - len(rows))


def bench_sentiment(spark, file, seeds, scratch):
    """Prints the F1 beside the paper's figures; true if the targets are met."""
    job, texts, reviews = jobsource.load("sentiment"), snippets(file), scratch / "reviews.csv"
    as_reviews(texts, reviews)
    differ = labels_that_differ(spark, job, reviews, texts)
    rows = []
    for seed in seeds:
        metrics, seconds = measured(spark, job, reviews, scratch, seed, **CUTS)
        rows.append((seed, dict(metrics, seconds=seconds)))
    first = rows[0][1]
    print(f"sentiment: {first['labelled']} reviews, {first['labels']}; {first['settings']}")
    print(f"{differ} labels differ from the paper's")
    print("\n".join(table(rows, ["f1_weighted", "f1_macro", "f1_negative", "f1_neutral", "f1_positive",
                                 "accuracy", "seconds"])))
    print(f"the paper, on these snippets: naive Bayes {job.PAPER['naive_bayes_f1']}, VADER {job.PAPER['vader_f1']}")
    met = differ == 0
    for name, target in TARGETS.items():
        mean = statistics.mean(values[name] for _, values in rows)
        met = met and mean >= target
        print(f"{name}: {mean:.4f}, target {target}: {'met' if mean >= target else 'MISSED'}")
    return met


def main(argv):
    args = arguments(argv)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        scratch = pathlib.Path(folder)
        jobsource.local_spark(scratch)
        spark = jobsource.load("als").nightjob.session("lamplighter bench", 4)
        spark.sparkContext.setLogLevel("ERROR")
        try:
            met = [bench(spark, file, args.seeds, scratch)
                   for file, bench in ((args.ratings, bench_als), (args.snippets, bench_sentiment)) if file]
        finally:
            spark.stop()
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
