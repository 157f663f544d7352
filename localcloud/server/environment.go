package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// WriteEnvironment writes the environment file that lamplighter reaches this
// cloud with, and makes its folder. Paths in it are relative to it.
func (s *Server) WriteEnvironment(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	key, err := filepath.Rel(dir, s.config.Data.Credentials())
	if err != nil {
		return err
	}
	ca, err := filepath.Rel(dir, s.warehouse.CAFile())
	if err != nil {
		return err
	}
	return writeFile(path, []byte(s.environment(key, ca)), 0o644)
}

// environment is the text: see config.Environment of the lamplighter module.
func (s *Server) environment(credentials, ca string) string {
	role := func(name string) string { return fmt.Sprintf("arn:aws:iam::%s:role/local-%s", s.config.Account, name) }
	profile := fmt.Sprintf("arn:aws:iam::%s:instance-profile/local-spark", s.config.Account)
	return strings.Join([]string{
		"# The embedded cloud, written by localcloud start.",
		fmt.Sprintf("account: %q", s.config.Account),
		"region: " + s.config.Region,
		"bucket: " + s.config.Buckets[0],
		"logs: s3://" + s.config.Buckets[0] + "/logs/",
		"database: dev",
		"endpoint_url: " + s.Endpoint(),
		fmt.Sprintf("credentials: {file: %q, profile: %s}", credentials, Profile),
		fmt.Sprintf("connect: {ca_file: %q}", ca),
		"roles:",
		"  warehouse: " + role("warehouse"),
		"  spark_service: " + role("spark-service"),
		"  spark_instance_profile: " + profile,
		"  kill_switch: " + role("kill-switch"),
		"kill_switch: {group: default}",
		"timing: {grace: 5s, poll: 500ms}",
		"",
	}, "\n")
}
