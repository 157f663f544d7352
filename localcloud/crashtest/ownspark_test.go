package crashtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ownSpark are the files of a pipeline of Spark alone: a program of the user's
// own that writes two datasets, SQL over one of them, and a program that fails.
var ownSpark = map[string]string{
	"lamplighter.yaml": `version: 1
pipeline: own
schedule: {cron: "0 1 * * *", timezone: UTC}
spark:
  engine: {emr: {release: emr-7.10.0, primary: m6g.xlarge, workers: {types: [m6g.xlarge], count: 2}, concurrency: 2, instances: groups}}
steps:
  - spark: clean
    main: jobs/clean.py
    py_files: [jobs/helper.py]
    archives: ["jobs/env.zip#env"]
    writes: [users, films]
    args: {day: "{date}"}
    expect: {films: {min: 2}}
    timeout: 5m
  - spark: ranked
    sql: jobs/ranked.sql
    reads: [clean/users]
    args: {lowest: 3}
    timeout: 5m
  - spark: broken
    main: jobs/broken.py
    reads: [clean/films]
    timeout: 5m
`,
	"jobs/helper.py": "def names():\n    return ['users', 'films']\n",
	"jobs/clean.py": `import argparse
import json
from pyspark.sql import SparkSession
import helper

p = argparse.ArgumentParser()
p.add_argument("--writes")
p.add_argument("--day")
args = p.parse_args()
spark = SparkSession.builder.getOrCreate()
rows = {"users": 6, "films": 2}
for name in helper.names():
    spark.range(rows[name]).withColumnRenamed("id", name[:-1] + "_id").coalesce(1).write.parquet(args.writes + name + "/")
fs = spark._jvm.org.apache.hadoop.fs.Path(args.writes + "metrics.json")
out = fs.getFileSystem(spark._jsc.hadoopConfiguration()).create(fs)
out.write(bytearray(json.dumps({"rows": rows, "films": 2, "day": args.day}), "utf-8"))
out.close()
`,
	"jobs/ranked.sql": `-- the best
select user_id, :date as day from users where user_id >= :lowest;
`,
	"jobs/broken.py": `import sys
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

def score(film):
    return 1 // film

spark = SparkSession.builder.getOrCreate()
uri = sys.argv[2].partition("=")[2]
spark.read.parquet(uri).select(udf(score, "int")("film_id")).collect()
`,
	// An empty zip: what is in it is the driver's affair only where Spark is
	// local.
	"jobs/env.zip": "PK\x05\x06" + strings.Repeat("\x00", 18),
}

// TestOwnSpark carries a night of the user's own Spark code through: the
// datasets are published one by one, and the program that fails says so with
// the file and line of the user's own function, which ran in a worker.
func TestOwnSpark(t *testing.T) {
	t.Parallel()
	c := open(t, filepath.Join(t.TempDir(), "cloud"), usual, sparkFlags(t)...) // its files are written over
	for name, text := range ownSpark {
		path := filepath.Join(c.project, filepath.FromSlash(name))
		fatal(t, os.MkdirAll(filepath.Dir(path), 0o755))
		fatal(t, os.WriteFile(path, []byte(text), 0o644))
	}
	defer sparkTurn()()
	e := c.run(t, "2026-11-22")
	e.check(t, "a night with a program that fails", 1)
	const cause = "ZeroDivisionError: integer division or modulo by zero (broken.py:6, in score)"
	why := ""
	for _, s := range e.summary.Steps {
		if s.Name == "broken" {
			why = s.Why
		}
	}
	if !strings.Contains(why, cause) {
		t.Errorf("the step broken failed with %q, which does not say %s\n%s", why, cause, e.tail())
	}
	for name, rows := range map[string]int64{"clean/users": 6, "clean/films": 2, "ranked": 3} {
		var got struct {
			Rows  int64
			Files []string
		}
		c.json(t, "s3://"+ownBucket+"/own/published/"+name+"/current.json", &got)
		if got.Rows != rows || len(got.Files) == 0 {
			t.Errorf("published %s: %+v", name, got)
		}
	}
	code, out, said := c.command(t, "logs", "broken")
	if code != 0 || !strings.Contains(out, cause) || !strings.Contains(out, `broken.py", line 6, in score`) {
		t.Errorf("logs broken: exit %d\n%s%s", code, out, said)
	}
}
