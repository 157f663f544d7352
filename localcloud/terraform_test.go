package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// mirrorVariable names a folder with registry.terraform.io/hashicorp/aws/… in
// it, or says "registry": terraform fetches the provider, 700 MB, itself.
const mirrorVariable = "LAMPLIGHTER_TERRAFORM_MIRROR"

// TestTerraform applies what a project has of S3, sees that nothing is left to
// change, and takes it away again. Most of its time the provider waits for a
// lifecycle configuration to stay the same.
func TestTerraform(t *testing.T) {
	mirror := os.Getenv(mirrorVariable)
	if mirror == "" {
		t.Skip(mirrorVariable + " is not set: a folder with the provider hashicorp/aws, or registry")
	}
	t.Parallel()
	p := run(t, t.TempDir())
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	settings := ""
	if mirror != "registry" {
		settings = "provider_installation {\n  filesystem_mirror {\n    path = \"" + mirror + "\"\n  }\n}\n"
	}
	for name, text := range map[string]string{"main.tf": string(text), "rc": settings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init"},
		{"apply", "-auto-approve"},
		{"plan", "-detailed-exitcode"}, // 2 if something is to change
		{"destroy", "-auto-approve"},
	} {
		cmd := exec.Command("terraform", append(args, "-no-color", "-input=false")...)
		cmd.Dir = dir
		cmd.Env = append(p.environment(), "HOME="+dir, "PATH="+os.Getenv("PATH"), "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "rc"), "TF_VAR_endpoint="+p.endpoint, "CHECKPOINT_DISABLE=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
	bucket := "terraform-000000000000"
	if _, err := p.clients(t).s3.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: &bucket}); err == nil {
		t.Error("the bucket is left")
	}
}
