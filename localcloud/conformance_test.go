package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/jackc/pgx/v5"

	"lamplighter/localcloud/conformance"
)

// TestConformance holds the embedded cloud against what AWS's pages say.
func TestConformance(t *testing.T) {
	p := run(t, t.TempDir())
	config, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithRegion("us-east-1"), awsconfig.WithBaseEndpoint(p.endpoint),
		awsconfig.WithSharedCredentialsFiles([]string{filepath.Join(p.data, "credentials")}), awsconfig.WithSharedConfigProfile("local"))
	if err != nil {
		t.Fatal(err)
	}
	c, id := p.clients(t), "lamplighter-sql"
	c.createCluster(t, id)
	c.waitCluster(t, id, "available")
	conformance.Run(t, conformance.Target{Config: config, Bucket: "lamplighter-local", Prefix: "conformance/", Role: "arn:aws:iam::000000000000:role/x", Costs: true,
		Connect: func(ctx context.Context) (*pgx.Conn, error) {
			login, err := c.redshift.GetClusterCredentials(ctx, &awsredshift.GetClusterCredentialsInput{ClusterIdentifier: &id, DbUser: aws.String("conformance"), AutoCreate: aws.Bool(true)})
			if err != nil {
				return nil, err
			}
			shown, err := c.redshift.DescribeClusters(ctx, &awsredshift.DescribeClustersInput{ClusterIdentifier: &id})
			if err != nil {
				return nil, err
			}
			at := shown.Clusters[0].Endpoint
			settings, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=dev sslmode=verify-full sslrootcert='%s'", *at.Address, *at.Port, filepath.Join(p.data, "warehouse", "tls", "ca.pem")))
			if err != nil {
				return nil, err
			}
			settings.User, settings.Password = *login.DbUser, *login.DbPassword
			return pgx.ConnectConfig(ctx, settings)
		}})
}
