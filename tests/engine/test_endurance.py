"""The embedded AWS is where it was after many cycles of apply and destroy, and after a day of calls: nothing grows."""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from botocore.exceptions import ClientError

from benchmarks.memory import growth, measure
from embedded_aws.testing import embedded
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs, environment

CYCLES, SETTLED = 5, 3
ROUNDS, WARM = 288, 96
"""A round of calls for each five minutes of a day; after the first eight hours, everything is loaded and kept."""
MEGABYTES_PER_DAY = 6.0
MEGABYTES_PER_CYCLE = 4.0
"""What an allocator may take and give back; it was forty."""


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_five_cycles_take_no_more_memory_nor_files_than_three(tmp_path):
    with embedded(tmp_path / "aws") as aws:
        server = psutil.Process(aws.address.process.pid)
        runs, stacks = Runs(aws, tmp_path, Wire()), environment(PARAMS, tmp_path)
        samples = []
        for _ in range(CYCLES):
            runs.build(*stacks)
            runs.remove(*stacks)
            samples.append(measure(server))
    grown = growth(samples[SETTLED - 1 :])
    assert grown.megabytes <= MEGABYTES_PER_CYCLE, samples
    assert grown.files <= 0, samples
    assert grown.threads <= 0, samples


def calls_of_a_day(aws):
    """What an idle environment is asked for: by monitoring, by its servers, by whoever holds a lock, by mistake."""
    ec2, s3, logs, sts = (aws.client(name) for name in ("ec2", "s3", "logs", "sts"))
    iam, metrics, elb, rds = (aws.client(name) for name in ("iam", "cloudwatch", "elbv2", "rds"))
    groups, secrets, ssm = (aws.client(name) for name in ("autoscaling", "secretsmanager", "ssm"))
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    ]}  # fmt: skip
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    secret = secrets.create_secret(Name="one", SecretString="x")["ARN"]
    for group in ("/web", "/app"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="i-1")
    ssm.put_parameter(Name="/config", Type="String", Value="x")

    def write_lines(now):
        lines = [{"timestamp": int(now.timestamp() * 1000), "message": "GET /healthz 200 " * 5} for _ in range(30)]
        for group in ("/web", "/app"):
            logs.put_log_events(logGroupName=group, logStreamName="i-1", logEvents=lines)

    def hold_lock(now):
        s3.put_object(Bucket="kept", Key="lock.json", Body=os.urandom(2_000))
        s3.get_object(Bucket="kept", Key="lock.json")["Body"].read()
        s3.delete_object(Bucket="kept", Key="lock.json")

    def make_mistakes(now):
        for refused in (
            lambda: s3.get_object(Bucket="kept", Key="none"),
            lambda: ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"]),
            lambda: secrets.get_secret_value(SecretId="none"),
        ):
            with suppress(ClientError):
                refused()

    def change_tags(now):
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "at", "Value": now.isoformat()}])
        ec2.delete_vpc(VpcId=vpc)

    return [
        lambda now: [ask() for ask in (
            ec2.describe_vpcs, ec2.describe_instances, ec2.describe_security_groups, elb.describe_load_balancers,
            rds.describe_db_instances, groups.describe_auto_scaling_groups, sts.get_caller_identity, s3.list_buckets,
            metrics.describe_alarms, iam.list_roles,
        )],
        lambda now: sts.assume_role(RoleArn=role, RoleSessionName="reader"),
        lambda now: metrics.put_metric_data(Namespace="Web", MetricData=[{"MetricName": "Load", "Value": 1.0}]),
        lambda now: secrets.get_secret_value(SecretId=secret),
        lambda now: ssm.put_parameter(Name="/config", Type="String", Value=now.isoformat(), Overwrite=True),
        write_lines, hold_lock, make_mistakes, change_tags,
    ]  # fmt: skip


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_a_day_of_a_steady_trickle_of_calls_leaves_nothing_behind(tmp_path):
    """Without the pauses between the calls; their number is that of 24 hours."""
    with embedded(tmp_path / "aws") as aws:
        server = psutil.Process(aws.address.process.pid)
        log = next((tmp_path / "aws").rglob("server.log"))
        calls, samples, began = calls_of_a_day(aws), [], datetime.now(UTC) - timedelta(days=1)
        for number in range(ROUNDS):
            for call in calls:
                call(began + number * timedelta(minutes=5))
            if number + 1 in (WARM, ROUNDS):
                samples.append(measure(server, log))
    first, last = samples
    assert last.megabytes <= first.megabytes + MEGABYTES_PER_DAY, samples
    assert last.files <= first.files, samples
    assert last.threads <= first.threads, samples
    assert last.children <= first.children, samples
    assert last.log_bytes <= first.log_bytes + 1_000_000, samples
