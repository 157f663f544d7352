package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lamplighter/localcloud/server"
)

// Other implementations of AWS's protocols as witnesses: the aws command and
// boto3 come from a folder that `make local` fetches and names.
const witnessVariable = "LAMPLIGHTER_WITNESSES"

// witness is a command of the witnesses, with what it needs to know of a cloud
// in its environment and nothing of this machine's.
func (p *process) witness(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	folder := os.Getenv(witnessVariable)
	if folder == "" {
		t.Skip(witnessVariable + " is not set: make local fetches the aws command and boto3")
	}
	cmd := exec.Command(filepath.Join(folder, "bin", name), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(p.environment(), "HOME="+cmd.Dir, "PATH="+os.Getenv("PATH"), "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=")
	return cmd
}

// environment is what localcloud env prints.
func (p *process) environment() []string {
	lines, err := server.Folder(p.data).Environment()
	if err != nil {
		panic(err) // it runs
	}
	return lines
}

// TestEnv is a shell that takes the exports over.
func TestEnv(t *testing.T) {
	p := run(t, t.TempDir(), "--region", "eu-central-1")
	out, err := command("env", "--data", p.data).Output()
	if err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("sh", "-c", string(out)+`echo "$AWS_ENDPOINT_URL $AWS_REGION"; grep -c aws_secret_access_key "$AWS_SHARED_CREDENTIALS_FILE"`).Output()
	if want := p.endpoint + " eu-central-1\n1\n"; err != nil || string(said) != want {
		t.Errorf("%v: got %q, want %q", err, said, want)
	}
}

// TestAWSCommandLine: what a person types, in order, and a word of the answer.
func TestAWSCommandLine(t *testing.T) {
	p := run(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	var flow string
	for _, tc := range []struct{ args, want string }{
		{"sts get-caller-identity --query Account", "000000000000"},
		{"s3 mb s3://made", "make_bucket: made"},
		{"s3 cp FILE s3://made/a", "upload:"},
		{"s3 cp FILE s3://made/a/b", "upload:"},
		{"s3 ls --recursive s3://made", "a/b"},
		{"s3 cp s3://made/a/b -", "hello"},
		{"s3api put-object --bucket made --key a --body FILE --if-none-match *", "! PreconditionFailed"},
		{"s3api put-bucket-versioning --bucket made --versioning-configuration Status=Enabled", ""},
		{"s3api get-bucket-logging --bucket made", "! access logs"},
		{"s3 rb --force s3://made", "!"}, // versions are left
		{"redshift create-cluster --cluster-identifier one --node-type ra3.large --master-username u --master-user-password Secret123", "creating"},
		{"until redshift describe-clusters --query Clusters[0].ClusterStatus", "available"},
		{"redshift resize-cluster --cluster-identifier one --number-of-nodes 3", "! \"ResizeCluster\" is not served"},
		{"redshift get-cluster-credentials --cluster-identifier one --db-user u", "IAM:u"},
		{"redshift delete-cluster --cluster-identifier one --skip-final-cluster-snapshot", "deleting"},
		{"emr create-cluster --name n --release-label emr-7.10.0 --instance-type m6g.xlarge --instance-count 3 --no-auto-terminate --use-default-roles --query ClusterId", "j-"},
		{"until emr describe-cluster --cluster-id FLOW --query Cluster.Status.State", "WAITING"},
		{"emr describe-cluster --cluster-id FLOW", "INSTANCE_GROUP"},
		{"emr list-instances --cluster-id FLOW --instance-group-types CORE --query length(Instances)", "2"},
		{"emr add-steps --cluster-id FLOW --steps Type=CUSTOM_JAR,Jar=command-runner.jar,Name=said,ActionOnFailure=CONTINUE,Args=[echo,hello]", "s-"},
		{"emr list-steps --cluster-id FLOW --query Steps[0].Name", "said"},
		{"emr create-studio --name n --auth-mode IAM --vpc-id v --subnet-ids s --service-role r --workspace-security-group-id g --engine-security-group-id g --default-s3-location s3://x", "! \"CreateStudio\" is not served"},
		{"emr terminate-clusters --cluster-ids FLOW", ""},
		{"until emr describe-cluster --cluster-id FLOW --query Cluster.Status.State", "TERMINATED"},
		{"redshift describe-clusters --region eu-west-1", "! eu-west-1"},
	} {
		line, again := strings.CutPrefix(tc.args, "until ")
		args := append(strings.Fields(line), "--output", "text")
		for i := range args {
			args[i] = strings.NewReplacer("FILE", file, "FLOW", flow).Replace(args[i])
		}
		want, refused := strings.CutPrefix(tc.want, "!")
		said := func() (string, bool) {
			out, err := p.witness(t, "aws", args...).CombinedOutput()
			return string(out), (err != nil) == refused && strings.Contains(string(out), strings.TrimSpace(want))
		}
		out, ok := said()
		if again {
			until(t, line, func() bool { out, ok = said(); return ok })
		}
		if !ok {
			t.Errorf("aws %s: want %s, got %s", tc.args, tc.want, out)
		}
		if tc.want == "j-" {
			flow = strings.TrimSpace(out)
		}
	}
}

// TestBoto3 runs a program of boto3's, which says itself what it expected.
func TestBoto3(t *testing.T) { witnessed(t, "testdata/witness.py") }

// TestDrivers runs what psycopg2, psycopg and redshift_connector expect of the
// warehouse; the last trusts what OpenSSL does.
func TestDrivers(t *testing.T) { witnessed(t, "testdata/clients.py") }

// witnessed runs a program of Python's against a cloud of its own.
func witnessed(t *testing.T, program string) {
	t.Helper()
	p := run(t, t.TempDir())
	program, err := filepath.Abs(program)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(p.data, "warehouse", "tls", "ca.pem")
	cmd := p.witness(t, "python", program, ca)
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+ca)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "all as expected") {
		t.Errorf("%v\n%s", err, out)
	}
}
