package redshift

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"

	"lamplighter/resources"
	"lamplighter/resources/awsfault"
)

// loginSeconds is how long a login may be used to connect: the shortest that
// Redshift gives. Sessions live on after it.
const loginSeconds = 900

// Login gets a temporary login of the admin. The user is not the admin's bare
// name: Redshift writes IAM: before it. Nothing may print the password.
func (c *Clusters) Login(ctx context.Context, cluster string) (user, password string, err error) {
	out, err := c.API.GetClusterCredentials(ctx, &awsredshift.GetClusterCredentialsInput{
		ClusterIdentifier: aws.String(cluster),
		DbUser:            aws.String(c.Settings.Admin),
		DbName:            text(c.Settings.Database),
		AutoCreate:        aws.Bool(false), // such a user could do nothing
		DurationSeconds:   aws.Int32(loginSeconds),
	})
	if err != nil {
		return "", "", awsfault.Read(err, "getting a login for cluster "+cluster, codes)
	}
	user, password = aws.ToString(out.DbUser), aws.ToString(out.DbPassword)
	if user == "" || password == "" {
		return "", "", &resources.Fault{Class: resources.Retry, Msg: "getting a login for cluster " + cluster + ": the answer holds none"}
	}
	return user, password, nil
}

// Differs says what a cluster has otherwise than the settings ask for, in words,
// so that nothing is written to a warehouse that is open, in the wrong network
// or due for maintenance. Settings left empty are not compared.
func (s Settings) Differs(c Cluster) []string {
	var differs []string
	compare := func(what, want, got string) {
		if want != "" && want != got {
			differs = append(differs, fmt.Sprintf("%s is %q, not %q", what, got, want))
		}
	}
	compare("admin", s.Admin, c.Given.Admin)
	compare("database", s.Database, c.Given.Database)
	compare("subnet group", s.SubnetGroup, c.Given.SubnetGroup)
	compare("parameter group", s.ParameterGroup, c.Given.ParameterGroup)
	compare("default role", s.Role, c.Given.Role)
	compare("maintenance window", s.MaintenanceWindow, c.Given.MaintenanceWindow)
	compare("security groups", strings.Join(slices.Sorted(slices.Values(s.SecurityGroups)), ","), strings.Join(c.Given.SecurityGroups, ","))
	if c.Given.Public {
		differs = append(differs, "it is publicly accessible")
	}
	if c.Given.AutoUpgrade {
		differs = append(differs, "version upgrades are allowed")
	}
	for _, shape := range c.Shapes {
		compare("node type", s.NodeType, shape.Type)
		if s.Nodes != 0 && shape.Count != s.Nodes {
			differs = append(differs, fmt.Sprintf("it has %d nodes, not %d", shape.Count, s.Nodes))
		}
	}
	return differs
}
