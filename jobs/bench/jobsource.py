"""Loads a job's main.py as a module and starts its Spark here, for bench and tests."""

import importlib.util
import os
import pathlib
import sys

JOBS = pathlib.Path(__file__).resolve().parent.parent
LIB = JOBS / "lib"


def load(job):
    """The module of jobs/<job>/main.py, as fresh as in a process of its own.

    It is left out of sys.modules on purpose: then Spark ships its functions to
    the Python workers by value, as it does for the __main__ of spark-submit.
    """
    if str(LIB) not in sys.path:
        sys.path.insert(0, str(LIB))
    spec = importlib.util.spec_from_file_location(f"{job}_main", JOBS / job / "main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def local_spark(scratch, java_options=""):
    """Makes the next session one on two local cores whose files lie in scratch. Call it before Spark starts."""
    import pyspark
    if not pyspark.__version__.startswith("3.5."):
        raise RuntimeError(f"{sys.executable} has pyspark {pyspark.__version__}: the jobs are for 3.5; "
                           "start with the python of a venv that has pyspark>=3.5,<3.6")
    os.environ.update(
        SPARK_HOME=os.path.dirname(pyspark.__file__), SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable,
        PYSPARK_SUBMIT_ARGS="--master local[2] --driver-memory 1g "
        f"--driver-java-options '-Djava.io.tmpdir={scratch} {java_options}' --conf spark.local.dir={scratch} "
        f"--conf spark.sql.warehouse.dir={scratch}/warehouse --conf spark.ui.showConsoleProgress=false pyspark-shell")
