// Package copyload moves data between S3 and the embedded warehouse as
// Redshift's COPY and UNLOAD do: it reads their options, fetches and checks
// objects, turns text into clean rows or tells exactly what is wrong with
// them, and writes results and manifests.
//
// Text is parsed here and not by the database: so the line, column and reason
// of every rejected value are Redshift's, and what reaches the database is
// right.
package copyload
