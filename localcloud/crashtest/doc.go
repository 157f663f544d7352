// Package crashtest is tests only: whole nights of the built binaries on the
// embedded cloud, with controllers and the cloud itself killed at moments drawn
// from a seed, compared row for row with nights that nothing disturbed.
//
// The nights with Spark need LAMPLIGHTER_SPARK_VENV, a Python environment with
// pyspark 3.5 and numpy, and LAMPLIGHTER_SPARK_JARS, a folder with the jars of
// S3A. `go run ./demo setup` fetches both.
package crashtest
