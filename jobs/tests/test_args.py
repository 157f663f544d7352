"""The command line: what is refused is refused with status 2, before Spark starts."""

import os
import re
import subprocess
import sys

import jobsource
import pytest

NEEDED = ["--reads", "in=s3://b/p/", "--writes", "s3://b/out/"]

BOTH = {
    "unknown": NEEDED + ["--speed", "9"],
    "abbreviated": NEEDED + ["--see", "9"],
    "stray word": NEEDED + ["stray"],
    "no reads": ["--writes", "s3://b/out/"],
    "no writes": ["--reads", "in=s3://b/p/"],
    "reads without a name": ["--reads", "s3://b/p/", "--writes", "s3://b/out/"],
    "reads without a URI": ["--reads", "in=", "--writes", "s3://b/out/"],
    "two reads": NEEDED + ["--reads", "other=s3://b/q/"],
    "no value": NEEDED + ["--seed"],
    "seed not whole": NEEDED + ["--seed", "1.5"],
    "all held out": NEEDED + ["--holdout", "1"],
    "holdout below 0": NEEDED + ["--holdout", "-0.1"],
    "holdout nan": NEEDED + ["--holdout", "nan"],
    "no partitions": NEEDED + ["--partitions", "0"],
}
ALS = {
    "rank 0": NEEDED + ["--rank", "0"],
    "rank a word": NEEDED + ["--rank", "ten"],
    "top 0": NEEDED + ["--top", "0"],
    "reg below 0": NEEDED + ["--reg", "-1"],
    "reg endless": NEEDED + ["--reg", "inf"],
    "of the other job": NEEDED + ["--smoothing", "1"],
}
SENTIMENT = {
    "cuts crossed": NEEDED + ["--negative_max", "4", "--positive_min", "2"],
    "cuts equal": NEEDED + ["--negative_max", "2", "--positive_min", "2"],
    "cut nan": NEEDED + ["--negative_max", "nan"],
    "smoothing below 0": NEEDED + ["--smoothing", "-1"],
    "of the other job": NEEDED + ["--rank", "10"],
}


@pytest.mark.parametrize("job, argv", [
    pytest.param(job, argv, id=f"{job}: {name}")
    for job, cases in (("als", {**BOTH, **ALS}), ("sentiment", {**BOTH, **SENTIMENT})) for name, argv in cases.items()])
def test_refused(request, capsys, job, argv):
    with pytest.raises(SystemExit) as end:
        request.getfixturevalue(job).arguments(argv)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ")


@pytest.mark.parametrize("job", ["als", "sentiment"])
def test_status_of_the_process(job):
    """Without JAVA_HOME and a PATH: a job that starts Spark before it looks fails otherwise."""
    env = {k: v for k, v in os.environ.items() if k not in ("JAVA_HOME", "PATH")}
    got = subprocess.run([sys.executable, "-B", jobsource.JOBS / job / "main.py", *NEEDED, "--speed", "9"],
                         env={**env, "PYTHONPATH": str(jobsource.LIB)}, capture_output=True, text=True)
    assert got.returncode == 2, got.stderr
    assert "unrecognized arguments: --speed 9" in got.stderr


def test_accepted(als, sentiment):
    args, uri = als.arguments(NEEDED + ["--rank", "7", "--reg", "0", "--holdout", "0", "--seed", "-3"])
    assert (uri, args.writes) == ("s3://b/p/", "s3://b/out/")
    assert (args.rank, args.reg, args.holdout, args.seed) == (7, 0.0, 0.0, -3)
    args, _ = sentiment.arguments(NEEDED + ["--negative_max", "-0.2", "--positive_min", "0.2"])
    assert (args.negative_max, args.positive_min) == (-0.2, 0.2)


@pytest.mark.parametrize("writes", ["s3://b/out", "s3://b/out/"])
def test_writes_is_a_folder(als, writes):
    args, _ = als.arguments(["--reads", "in=s3://b/p=1/", "--writes", writes])
    assert args.writes == "s3://b/out/"
    assert args.reads == [("in", "s3://b/p=1/")]


@pytest.mark.parametrize("job", ["als", "sentiment"])
def test_the_engine_knows_the_same_arguments(request, capsys, job):
    """jobs.go lists them, so that a wrong one is refused before a cluster exists."""
    with pytest.raises(SystemExit) as end:
        request.getfixturevalue(job).arguments(["--help"])
    assert end.value.code == 0
    ours = set(re.findall(r"^  (?:-h, )?--(\w+)", capsys.readouterr().out, re.M)) - {"help", "reads", "writes"}
    line = re.search(rf'oneRead\("{job}", {job}, (.*)\)', (jobsource.JOBS / "jobs.go").read_text())
    assert ours == set(re.findall(r'"(\w+)"', line[1]))


@pytest.mark.parametrize("job", ["als", "sentiment"])
def test_main_stops_its_session_whatever_happens(request, monkeypatch, job):
    job = request.getfixturevalue(job)
    seen = []

    class Session:
        def stop(self):
            seen.append("stopped")

    def fails(spark, args, uri):
        seen.append(uri)
        raise RuntimeError("in the middle")

    monkeypatch.setattr(job.nightjob, "session", lambda name, partitions: seen.append(partitions) or Session())
    monkeypatch.setattr(job, "run", fails)
    with pytest.raises(RuntimeError, match="in the middle"):
        job.main(NEEDED + ["--partitions", "3"])
    assert seen == [3, "s3://b/p/", "stopped"]
