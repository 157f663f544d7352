"""What a program of boto3 expects of the embedded cloud. It reads everything
from the environment that `localcloud env` prints."""
import io
import json
import time
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError


def refused(code, call, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, (code, e)
        return e
    raise AssertionError(f"{call} was not refused with {code}")


def objects():
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bbb")
    for key in ("a", "a/b", "x//y", "ü 1+2=3/%41"):
        s3.put_object(Bucket="bbb", Key=key, Body=key.encode(), Metadata={"who": "boto3"})
        got = s3.get_object(Bucket="bbb", Key=key)
        assert got["Body"].read() == key.encode() and got["Metadata"] == {"who": "boto3"}, key
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bbb", PaginationConfig={"PageSize": 1})
    assert sorted(o["Key"] for p in pages for o in p["Contents"]) == ["a", "a/b", "x//y", "ü 1+2=3/%41"]
    assert s3.list_objects_v2(Bucket="bbb", Delimiter="/")["CommonPrefixes"][0]["Prefix"] == "a/"

    etag = s3.head_object(Bucket="bbb", Key="a")["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket="bbb", Key="a", Body=b"", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket="bbb", Key="a", Body=b"", IfMatch='"0"')
    s3.put_object(Bucket="bbb", Key="a", Body=b"new", IfMatch=etag)
    assert s3.get_object(Bucket="bbb", Key="a", Range="bytes=1-1")["Body"].read() == b"e"
    refused("InvalidRange", s3.get_object, Bucket="bbb", Key="a", Range="bytes=9-")
    refused("NoSuchKey", s3.get_object, Bucket="bbb", Key="none")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="none")
    refused("404", s3.head_object, Bucket="bbb", Key="none")

    body = bytes(range(256)) * 50_000  # 12.8 MB: several parts
    s3.upload_fileobj(io.BytesIO(body), "bbb", "large", Config=TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=6 << 20))
    back = io.BytesIO()
    s3.download_fileobj("bbb", "large", back)
    assert back.getvalue() == body and s3.head_object(Bucket="bbb", Key="large")["ETag"].endswith('-3"')
    s3.copy_object(Bucket="bbb", Key="copy", CopySource={"Bucket": "bbb", "Key": "x//y"})
    link = boto3.client("s3", config=Config(signature_version="s3v4")).generate_presigned_url("get_object", Params={"Bucket": "bbb", "Key": "copy"})
    assert urllib.request.urlopen(link).read() == b"x//y"
    s3.put_object_tagging(Bucket="bbb", Key="copy", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_object_tagging(Bucket="bbb", Key="copy")["TagSet"] == [{"Key": "k", "Value": "v"}]

    s3.put_bucket_versioning(Bucket="bbb", VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket="bbb", Key="v", Body=b"1")["VersionId"]
    s3.put_object(Bucket="bbb", Key="v", Body=b"2")
    assert s3.get_object(Bucket="bbb", Key="v", VersionId=old)["Body"].read() == b"1"
    assert s3.delete_object(Bucket="bbb", Key="v")["DeleteMarker"]
    refused("NoSuchKey", s3.get_object, Bucket="bbb", Key="v")
    assert len(s3.list_object_versions(Bucket="bbb", Prefix="v")["Versions"]) == 2

    rules = [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}]
    s3.put_bucket_lifecycle_configuration(Bucket="bbb", LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket="bbb")["Rules"] == rules
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bbb/*"}]})
    s3.put_bucket_policy(Bucket="bbb", Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket="bbb")["Policy"])["Statement"][0]["Action"] == "s3:GetObject"
    s3.delete_bucket_policy(Bucket="bbb")
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket="bbb")

    # A bucket elsewhere: boto3 follows the redirect by itself.
    s3.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="far", Key="k", Body=b"x")
    assert boto3.client("s3", region_name="eu-west-1").get_object(Bucket="far", Key="k")["Body"].read() == b"x"
    wrong = boto3.client("s3", aws_access_key_id=boto3.Session().get_credentials().access_key, aws_secret_access_key="wrong")
    refused("SignatureDoesNotMatch", wrong.list_buckets)


def warehouse():
    redshift = boto3.client("redshift")
    redshift.create_cluster(ClusterIdentifier="one", NodeType="ra3.large", NumberOfNodes=2, ClusterType="multi-node", MasterUsername="u", MasterUserPassword="Secret123",
                            Tags=[{"Key": "team", "Value": "data"}])
    refused("ClusterAlreadyExists", redshift.create_cluster, ClusterIdentifier="one", NodeType="ra3.large", MasterUsername="u", MasterUserPassword="Secret123")
    redshift.get_waiter("cluster_available").wait(ClusterIdentifier="one", WaiterConfig={"Delay": 1})
    shown = redshift.describe_clusters(TagKeys=["team"])["Clusters"][0]
    assert shown["Endpoint"]["Port"] and shown["Tags"] == [{"Key": "team", "Value": "data"}]
    login = redshift.get_cluster_credentials(ClusterIdentifier="one", DbUser="u", DurationSeconds=900)
    assert 800 < (login["Expiration"].timestamp() - time.time()) <= 900
    redshift.create_cluster_snapshot(SnapshotIdentifier="snap", ClusterIdentifier="one")
    redshift.get_waiter("snapshot_available").wait(SnapshotIdentifier="snap", WaiterConfig={"Delay": 1})
    redshift.delete_cluster(ClusterIdentifier="one", SkipFinalClusterSnapshot=True)
    redshift.get_waiter("cluster_deleted").wait(ClusterIdentifier="one", WaiterConfig={"Delay": 1})
    refused("ClusterNotFound", redshift.describe_clusters, ClusterIdentifier="one")
    assert [t["Tag"]["Key"] for t in redshift.describe_tags(ResourceType="snapshot")["TaggedResources"]] in ([], ["team"])
    assert "deleted" in " ".join(e["Message"] for e in redshift.describe_events(SourceType="cluster")["Events"])
    assert "ModifyCluster" in str(refused("InvalidAction", redshift.modify_cluster, ClusterIdentifier="one", NumberOfNodes=3))


def flows():
    emr = boto3.client("emr")
    step = {"Name": "s", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["sh", "-c", "exit 3"]}}
    fleet = lambda kind, n: {"InstanceFleetType": kind, "TargetOnDemandCapacity": n, "InstanceTypeConfigs": [{"InstanceType": "m6g.xlarge"}]}
    flow = emr.run_job_flow(Name="n", ReleaseLabel="emr-7.10.0", Instances={"InstanceFleets": [fleet("MASTER", 1), fleet("CORE", 2)]}, Steps=[step], ServiceRole="r", JobFlowRole="p")["JobFlowId"]
    emr.get_waiter("cluster_terminated").wait(ClusterId=flow, WaiterConfig={"Delay": 1})
    cluster = emr.describe_cluster(ClusterId=flow)["Cluster"]
    assert cluster["Status"]["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED" and cluster["InstanceCollectionType"] == "INSTANCE_FLEET"
    assert emr.list_steps(ClusterId=flow)["Steps"][0]["Status"]["State"] == "FAILED"
    machines = emr.list_instances(ClusterId=flow)["Instances"]
    assert len(machines) == 3 and all(m["Status"]["Timeline"]["EndDateTime"] >= m["Status"]["Timeline"]["CreationDateTime"] for m in machines)
    assert len(emr.list_instance_fleets(ClusterId=flow)["InstanceFleets"]) == 2
    refused("InvalidRequestException", emr.list_instance_groups, ClusterId=flow)
    refused("InvalidRequestException", emr.describe_cluster, ClusterId="j-NONE")
    assert "StartNotebookExecution" in str(refused("UnknownOperationException", emr.start_notebook_execution, RelativePath="x", ExecutionEngine={"Id": flow}, ServiceRole="r"))


def schedules():
    scheduler = boto3.client("scheduler")
    what = dict(Name="s", FlexibleTimeWindow={"Mode": "OFF"}, Target={"Arn": "arn:aws:scheduler:::aws-sdk:emr:terminateJobFlows", "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": '{"JobFlowIds":["j-1"]}'})
    scheduler.create_schedule(ScheduleExpression="at(2099-01-01T00:00:00)", **what)
    refused("ConflictException", scheduler.create_schedule, ScheduleExpression="at(2099-01-01T00:00:00)", **what)
    scheduler.update_schedule(ScheduleExpression="at(2098-01-01T00:00:00)", **what)
    assert scheduler.get_schedule(Name="s")["ScheduleExpression"].startswith("at(2098")
    assert "cron" in str(refused("ValidationException", scheduler.update_schedule, ScheduleExpression="cron(0 1 * * ? *)", **what))
    scheduler.delete_schedule(Name="s")
    refused("ResourceNotFoundException", scheduler.get_schedule, Name="s")
    assert "CreateScheduleGroup" in str(refused("UnknownOperationException", scheduler.create_schedule_group, Name="g"))


assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
for part in (objects, warehouse, flows, schedules):
    part()
print("all as expected")
