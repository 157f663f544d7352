package warehouse

import (
	"errors"
	"strings"

	"lamplighter/resources"
)

// copyStatement is the COPY of a manifest into a table, which is written as in
// SQL. Illegal combinations are Permanent faults.
func copyStatement(d dialect, into string, b Batch, manifest string) (string, error) {
	clause, err := formatClause(d, b.Format)
	if err != nil {
		return "", err
	}
	words, err := options(d, b)
	if err != nil {
		return "", err
	}
	if len(b.Columns) > 0 {
		into += " (" + idents(b.Columns) + ")"
	}
	parts := []string{"COPY " + into, "FROM " + d.literal(manifest), "IAM_ROLE " + d.role(b.Role), "MANIFEST", clause}
	return strings.Join(append(parts, words...), " "), nil
}

// checkFormat says what is wrong with a batch's format before anything is asked.
func checkFormat(d dialect, t table, b Batch) error {
	_, err := copyStatement(d, t.sql(), b, b.Manifest)
	var f *resources.Fault
	if errors.As(err, &f) {
		named := *f
		named.Msg = "load into " + t.key() + ": " + f.Msg
		return &named
	}
	return err
}

// role writes an IAM role: an ARN, or the cluster's default one.
func (d dialect) role(arn string) string {
	if arn == "default" {
		return "default"
	}
	return d.literal(arn)
}
