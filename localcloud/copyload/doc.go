// Package copyload moves data between S3 and the embedded warehouse as
// Redshift's COPY and UNLOAD do: it reads their options, fetches and checks
// objects, turns text into clean rows or tells exactly what is wrong with
// them, and writes results and manifests.
//
// Text is parsed here and not by the database: so the line, column and reason
// of every rejected value are Redshift's, and what reaches the database is
// right.
//
// COPY reads delimited text, CSV, JSON ('auto', 'auto ignorecase', 'noshred',
// JSONPaths files) and Parquet, packed by GZIP, BZIP2 or ZSTD, under a prefix
// or from a manifest. Refused by name, with 0A000: AVRO, ORC, FIXEDWIDTH,
// SHAPEFILE, LZOP, client-side encryption, SSH, DynamoDB and EMR as sources,
// delimiters of more than one character.
//
// UNLOAD writes delimited text, CSV, JSON and Parquet, packed by GZIP, BZIP2
// or ZSTD, partitioned, and cut by size. Refused by name: FIXEDWIDTH,
// client-side encryption.
//
// Guesses, where the pages of the developer guide (RSD) say nothing: the code
// 1216 for malformed JSON and for rows over 4 MB; that booleans of UNLOAD to
// JSON are the strings "t" and "f"; how folders of partitions are escaped.
package copyload
