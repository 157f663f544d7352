package crashtest

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lamplighter/localcloud/demo/events"
)

var (
	sparkPipeline = pipeline{schedule: usual.schedule, spark: true, small: true}
	sparkDatasets = []string{"all_ratings", "recommendations"}
)

// sparkTurns limits how many Spark programs run at once: each takes both cores
// of a small machine, and a GB.
var sparkTurns = make(chan struct{}, 2)

// sparkTurn waits for a turn; the returned func gives it back.
func sparkTurn() func() {
	sparkTurns <- struct{}{}
	return func() { <-sparkTurns }
}

// spark is where Spark lies.
type spark struct{ home, python, jars string }

// findSpark fails the test, saying how to set Spark up, where there is none.
func findSpark(t *testing.T) spark {
	t.Helper()
	venv, jars := os.Getenv("LAMPLIGHTER_SPARK_VENV"), os.Getenv("LAMPLIGHTER_SPARK_JARS")
	const mend = "`go run ./demo setup` in localcloud/ fetches both; then set LAMPLIGHTER_SPARK_VENV to the Python environment (with pyspark 3.5 and numpy) and LAMPLIGHTER_SPARK_JARS to the folder of S3A's jars"
	if venv == "" || jars == "" {
		t.Fatalf("this test runs Spark, and LAMPLIGHTER_SPARK_VENV or LAMPLIGHTER_SPARK_JARS is not set: %s", mend)
	}
	homes, err := filepath.Glob(filepath.Join(venv, "lib", "python3.*", "site-packages", "pyspark"))
	fatal(t, err)
	if len(homes) != 1 {
		t.Fatalf("%s holds %d installations of pyspark, want one: %s", venv, len(homes), mend)
	}
	return spark{home: homes[0], python: filepath.Join(venv, "bin", "python"), jars: jars}
}

// sparkFlags are those of localcloud start.
func sparkFlags(t *testing.T) []string {
	t.Helper()
	s := findSpark(t)
	return []string{"--spark-home", s.home, "--spark-python", s.python, "--spark-jars", s.jars}
}

var sparkNight fixture

// afterSparkNight is a cloud in which nothing was ever run, with everything
// published, and what a first night with Spark comes to.
func afterSparkNight(t *testing.T) *fixture {
	t.Helper()
	findSpark(t)
	return sparkNight.get(t, func() {
		h := makeHistory(events.Size{Users: 60, Movies: 90, Ratings: 2400, Reviews: 1, From: firstDay, Days: 60})
		sparkNight.history, sparkNight.dates = h, []string{night(h.second)}
		folder := filepath.Join(workDir, "spark")
		c := open(t, folder, sparkPipeline)
		h.publish(t, c, -1, h.second)
		h.publishLate(t, c)
		c.stop(t)

		c = open(t, copyFolder(t, folder), sparkPipeline, sparkFlags(t)...)
		defer sparkTurn()()
		undisturbed := c.run(t, sparkNight.dates[0])
		undisturbed.check(t, "undisturbed night with Spark", 0)
		sparkNight.events, sparkNight.summary = undisturbed.events, undisturbed.summary
		c.audit(t, c.promoted(t).Snapshot)
		c.ranOnce(t, "recommendations")
		sparkNight.expected = c.contents(t, []string{"ratings"}, sparkDatasets)
		same(t, sparkNight.expected, sparkNight.expected)
		c.stop(t)
		sparkNight.folder = folder
	})
}

// TestALSTheSame fits ALS through a whole night, and directly on the CSV, and
// wants the same error of both, to three decimals.
func TestALSTheSame(t *testing.T) {
	t.Parallel()
	t.Run("generated", func(t *testing.T) {
		t.Parallel()
		s := afterSparkNight(t)
		through := s.summary.Metrics["recommendations"]["rmse"]
		dir := t.TempDir()
		fatal(t, s.history.data.WriteMovieLens(dir))
		sameError(t, through, fitDirectly(t, dir))
	})
	data := os.Getenv("DATA")
	if data == "" {
		return
	}
	if !filepath.IsAbs(data) { // it is given from the repository's folder
		data = filepath.Join("..", "..", data)
	}
	t.Run("MovieLens", func(t *testing.T) {
		t.Parallel()
		read, err := events.ReadMovieLens(data)
		fatal(t, err)
		days := read.Days()
		last := days[len(days)-1]
		h := history{data: read}
		c := open(t, filepath.Join(t.TempDir(), "cloud"), sparkPipeline, sparkFlags(t)...)
		h.publish(t, c, -1, last)
		e := func() ending {
			defer sparkTurn()()
			return c.run(t, night(last))
		}()
		e.check(t, "the night of all MovieLens", 0)
		sameError(t, e.summary.Metrics["recommendations"]["rmse"], fitDirectly(t, data))
	})
}

func sameError(t *testing.T, through, direct float64) {
	t.Helper()
	t.Logf("rmse through the night %.6f, directly %.6f", through, direct)
	if through <= 0 || math.Abs(through-direct) >= 0.0005 {
		t.Errorf("rmse is %.6f through the night and %.6f directly on the CSV", through, direct)
	}
}

// fitDirectly runs the shipped job by spark-submit on a folder's ratings.csv.
func fitDirectly(t *testing.T, dir string) float64 {
	t.Helper()
	defer sparkTurn()()
	s, out := findSpark(t), t.TempDir()
	jobs := filepath.Join("..", "..", "jobs")
	csv, err := filepath.Abs(filepath.Join(dir, "ratings.csv"))
	fatal(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(s.home, "bin", "spark-submit"), "--master", "local[2]", "--driver-java-options", quickJVM,
		"--py-files", filepath.Join(jobs, "lib", "nightjob.py"), filepath.Join(jobs, "als", "main.py"),
		"--reads", "ratings=file://"+csv, "--writes", "file://"+out+"/", "--rank", "10", "--top", "5")
	cmd.Env = append(os.Environ(), "SPARK_HOME="+s.home, "PYSPARK_PYTHON="+s.python, "PYSPARK_DRIVER_PYTHON="+s.python, "SPARK_LOCAL_IP=127.0.0.1", "TZ=UTC")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("spark-submit: %v\n%s", err, tailOf(string(said)))
	}
	text, err := os.ReadFile(filepath.Join(out, "metrics.json"))
	fatal(t, err)
	var metrics struct{ RMSE float64 }
	fatal(t, json.Unmarshal(text, &metrics))
	return metrics.RMSE
}

// tailOf is the end of a long text.
func tailOf(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
