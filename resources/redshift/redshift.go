package redshift

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"lamplighter/resources/awsfault"
)

// Settings is everything a cluster is given when it is created or restored.
// Nothing is modified afterwards: a modification right after a restore may be
// refused, and security groups and parameter group are not in the snapshot.
type Settings struct {
	Account           string // 12 digits
	Region            string
	Database          string
	Admin             string // the one user that owns everything
	NodeType          string // ra3.large
	Nodes             int
	SubnetGroup       string
	SecurityGroups    []string
	ParameterGroup    string
	SnapshotSchedule  string // one that fires outside the window
	KMSKey            string // "": Redshift's own key, or the snapshot's
	Port              int    // 0: 5439
	Role              string // ARN of the default IAM role, for COPY and UNLOAD
	MaintenanceWindow string // see the function of this name
	Tags              map[string]string
}

// Clusters asks for clusters and snapshots. Every error is a *resources.Fault.
type Clusters struct {
	API      API
	Settings Settings
	Random   io.Reader // for the admin's password; nil: crypto/rand
}

// DefaultPort is Redshift's own.
const DefaultPort = 5439

func (s Settings) port() int32 {
	if s.Port == 0 {
		return DefaultPort
	}
	return int32(s.Port)
}

func (s Settings) tags() []types.Tag {
	tags := make([]types.Tag, 0, len(s.Tags))
	for key, value := range s.Tags {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	slices.SortFunc(tags, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return tags
}

// arn names a cluster of the account, as CreateTags wants it.
func (s Settings) arn(cluster string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(s.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(s.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return fmt.Sprintf("arn:%s:redshift:%s:%s:cluster:%s", partition, s.Region, s.Account, cluster)
}

func (s Settings) roles() []string {
	if s.Role == "" {
		return nil
	}
	return []string{s.Role}
}

// MaintenanceWindow is the weekly half hour (in Redshift's form, UTC) that is
// farthest from a nightly run: twelve hours after its window opens. The
// region's default block lies in its night, and maintenance ends queries.
func MaintenanceWindow(opens time.Time) string {
	from := opens.UTC().Add(12 * time.Hour)
	return strings.ToLower(from.Format("Mon:15:04") + "-" + from.Add(30*time.Minute).Format("Mon:15:04"))
}

// password makes one that Redshift takes (8 to 64 printable characters, an
// upper case letter, a lower case letter and a digit among them) and that
// nobody ever learns: every login is a temporary one.
func (c *Clusters) password() (string, error) {
	random := c.Random
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, 36)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", awsfault.Refuse("", "making the admin's password: %v", err)
	}
	return "Aa1" + base64.RawURLEncoding.EncodeToString(secret), nil
}

// once makes a call that changes something be sent once: see awsfault.Once.
func once(o *awsredshift.Options) { o.Retryer = awsfault.Once }

// text is nil for "", so that an unset setting is not sent at all.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
