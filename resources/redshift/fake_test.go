package redshift

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsredshift "github.com/aws/aws-sdk-go-v2/service/redshift"
)

// fake keeps the last input and answers what a test wants.
type fake struct {
	in        any
	once      bool // sent without the SDK's retries
	err       error
	clusters  []*awsredshift.DescribeClustersOutput         // one a call
	snapshots []*awsredshift.DescribeClusterSnapshotsOutput // one a call
	markers   []string
	login     *awsredshift.GetClusterCredentialsOutput
}

func answer[O any](f *fake, in any, out *O, options []func(*awsredshift.Options)) (*O, error) {
	f.in = in
	var o awsredshift.Options
	for _, option := range options {
		option(&o)
	}
	f.once = o.Retryer != nil && o.Retryer.MaxAttempts() == 1
	if f.err != nil {
		return nil, f.err
	}
	return out, nil
}

func (f *fake) CreateCluster(_ context.Context, in *awsredshift.CreateClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.CreateClusterOutput, error) {
	return answer(f, in, &awsredshift.CreateClusterOutput{}, o)
}
func (f *fake) RestoreFromClusterSnapshot(_ context.Context, in *awsredshift.RestoreFromClusterSnapshotInput, o ...func(*awsredshift.Options)) (*awsredshift.RestoreFromClusterSnapshotOutput, error) {
	return answer(f, in, &awsredshift.RestoreFromClusterSnapshotOutput{}, o)
}
func (f *fake) DeleteCluster(_ context.Context, in *awsredshift.DeleteClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterOutput, error) {
	return answer(f, in, &awsredshift.DeleteClusterOutput{}, o)
}
func (f *fake) PauseCluster(_ context.Context, in *awsredshift.PauseClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.PauseClusterOutput, error) {
	return answer(f, in, &awsredshift.PauseClusterOutput{}, o)
}
func (f *fake) ResumeCluster(_ context.Context, in *awsredshift.ResumeClusterInput, o ...func(*awsredshift.Options)) (*awsredshift.ResumeClusterOutput, error) {
	return answer(f, in, &awsredshift.ResumeClusterOutput{}, o)
}
func (f *fake) CreateClusterSnapshot(_ context.Context, in *awsredshift.CreateClusterSnapshotInput, o ...func(*awsredshift.Options)) (*awsredshift.CreateClusterSnapshotOutput, error) {
	return answer(f, in, &awsredshift.CreateClusterSnapshotOutput{}, o)
}
func (f *fake) DeleteClusterSnapshot(_ context.Context, in *awsredshift.DeleteClusterSnapshotInput, o ...func(*awsredshift.Options)) (*awsredshift.DeleteClusterSnapshotOutput, error) {
	return answer(f, in, &awsredshift.DeleteClusterSnapshotOutput{}, o)
}
func (f *fake) CreateTags(_ context.Context, in *awsredshift.CreateTagsInput, o ...func(*awsredshift.Options)) (*awsredshift.CreateTagsOutput, error) {
	return answer(f, in, &awsredshift.CreateTagsOutput{}, o)
}
func (f *fake) GetClusterCredentials(_ context.Context, in *awsredshift.GetClusterCredentialsInput, o ...func(*awsredshift.Options)) (*awsredshift.GetClusterCredentialsOutput, error) {
	return answer(f, in, f.login, o)
}
func (f *fake) DescribeClusters(_ context.Context, in *awsredshift.DescribeClustersInput, o ...func(*awsredshift.Options)) (*awsredshift.DescribeClustersOutput, error) {
	out, rest := next(f.clusters)
	f.clusters, f.markers = rest, append(f.markers, aws.ToString(in.Marker))
	return answer(f, in, out, o)
}
func (f *fake) DescribeClusterSnapshots(_ context.Context, in *awsredshift.DescribeClusterSnapshotsInput, o ...func(*awsredshift.Options)) (*awsredshift.DescribeClusterSnapshotsOutput, error) {
	out, rest := next(f.snapshots)
	f.snapshots, f.markers = rest, append(f.markers, aws.ToString(in.Marker))
	return answer(f, in, out, o)
}

func next[O any](outs []*O) (*O, []*O) {
	if len(outs) == 0 {
		return new(O), nil
	}
	return outs[0], outs[1:]
}
