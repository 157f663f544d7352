package conformance

import (
	"context"
	"fmt"
	"os"
	"testing"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/jackc/pgx/v5"
)

// TestRealAccount holds the cases against AWS itself: see README.md for what
// it wants and what it costs.
func TestRealAccount(t *testing.T) {
	if os.Getenv("LAMPLIGHTER_CONFORMANCE_REAL") == "" {
		t.Skip("LAMPLIGHTER_CONFORMANCE_REAL is not set: it asks a real account")
	}
	c, err := awsconfig.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	on := Target{Config: c, Bucket: os.Getenv("LAMPLIGHTER_CONFORMANCE_BUCKET"), Prefix: unique() + "/", Role: os.Getenv("LAMPLIGHTER_CONFORMANCE_ROLE"),
		Costs: os.Getenv("LAMPLIGHTER_CONFORMANCE_COSTS") != ""}
	if on.Bucket == "" || on.Role == "" {
		t.Fatal("set LAMPLIGHTER_CONFORMANCE_BUCKET to a bucket of the region, and LAMPLIGHTER_CONFORMANCE_ROLE to the ARN of a role that EventBridge Scheduler may take")
	}
	if id := os.Getenv("LAMPLIGHTER_CONFORMANCE_CLUSTER"); id != "" {
		on.Connect = func(ctx context.Context) (*pgx.Conn, error) { return connect(ctx, on.redshift(), id) }
	}
	Run(t, on)
}

// connect logs into a cluster with a fresh login.
func connect(ctx context.Context, api *awsredshift.Client, id string) (*pgx.Conn, error) {
	user, auto := "conformance", true
	login, err := api.GetClusterCredentials(ctx, &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: &id, DbUser: &user, AutoCreate: &auto})
	if err != nil {
		return nil, err
	}
	shown, err := api.DescribeClusters(ctx, &awsredshift.DescribeClustersInput{ClusterIdentifier: &id})
	if err != nil {
		return nil, err
	}
	at := shown.Clusters[0]
	settings, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=%s sslmode=require", *at.Endpoint.Address, *at.Endpoint.Port, *at.DBName))
	if err != nil {
		return nil, err
	}
	settings.User, settings.Password = *login.DbUser, *login.DbPassword
	return pgx.ConnectConfig(ctx, settings)
}

// TestCasesSayWhere: every case names a page of AWS, and has a name of its own.
func TestCasesSayWhere(t *testing.T) {
	for service, cases := range Cases() {
		seen := map[string]bool{}
		for _, c := range cases {
			if len(c.Source) < 40 || c.Source[:29] != "https://docs.aws.amazon.com/"+c.Source[28:29] || seen[c.Name] {
				t.Errorf("%s %q: source %q", service, c.Name, c.Source)
			}
			seen[c.Name] = true
		}
	}
}
