"""One small Spark session for all tests of the jobs.

    VENV/bin/python -m pytest jobs/tests

VENV has pyspark 3.5, numpy and requirements.txt; LAMPLIGHTER_SPARK_VENV names
it. Nothing is read from S3: whole runs read and write local files.
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
sys.dont_write_bytecode = True  # the sources are embedded: leave their folders as they are

import jobsource  # noqa: E402

# Two blocks and two shuffle partitions keep tiny runs quick, and still cut data in more than one piece.
PARTITIONS = 2

# Hundreds of queries that each run once: compiling them well costs more than it brings.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def pytest_configure(config):
    """Ends at once, with the mend, when this Python has no Spark: a skip would hide it."""
    venv = os.environ.get("LAMPLIGHTER_SPARK_VENV")
    if venv and pathlib.Path(venv).resolve() != pathlib.Path(sys.prefix).resolve():
        raise pytest.UsageError(f"LAMPLIGHTER_SPARK_VENV is {venv}, but this Python is of {sys.prefix}: "
                                f"run {venv}/bin/python -m pytest jobs/tests")
    try:
        import numpy, pyspark  # noqa: F401, E401
    except ImportError as e:
        raise pytest.UsageError(f"{sys.executable} has no {e.name}: run VENV/bin/python -m pytest jobs/tests with a "
                                "venv that has 'pyspark>=3.5,<3.6', numpy and jobs/tests/requirements.txt") from e


@pytest.fixture(scope="session")
def als():
    return jobsource.load("als")


@pytest.fixture(scope="session")
def sentiment():
    return jobsource.load("sentiment")


@pytest.fixture(scope="session")
def sql():
    return jobsource.load("sql")


@pytest.fixture(scope="session")
def nightjob(als):
    return als.nightjob


@pytest.fixture(scope="session")
def spark(nightjob, tmp_path_factory):
    """The session that the jobs themselves make, on two local cores."""
    jobsource.local_spark(tmp_path_factory.mktemp("spark"), QUICK_JAVA)
    session = nightjob.session("jobs/tests", PARTITIONS)
    session.sparkContext.setLogLevel("OFF")  # tests of failures would fill the screen
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def nothing_stays_cached(request):
    yield
    if "spark" in request.fixturenames:
        request.getfixturevalue("spark").catalog.clearCache()
