"""The saved account: what survives a restart, and what a kill can lose."""

import io
import json
import os
import signal
import time

import botocore.exceptions
import pytest
from click.testing import CliRunner

from embedded_aws.account.persistence import LATEST_SECONDS
from embedded_aws.cli import commands
from embedded_aws.client import process
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import embedded, eventually
from runbook_lib.aws.endpoints import connection
from runbook_lib.cli.main import main
from runbook_lib.errors import LocalError
from runbook_lib.resources.imported_certificate import _create_certificate

ONE_SAVE_SECONDS = 1.0  # generous, for a busy machine


@pytest.fixture(autouse=True)
def saving(monkeypatch):
    """Save soon after each change, as by default."""
    monkeypatch.delenv("RUNBOOK_LOCAL_SAVE")


def build(aws):
    """Create resources that are hard to save: keys, certificates, object versions, references between services."""
    ec2, s3, kms, asg = (aws.client(service) for service in ("ec2", "s3", "kms", "autoscaling"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-west-2a")["Subnet"]["SubnetId"]
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    for content in (b"first", b"second"):
        s3.put_object(Bucket="kept", Key="object", Body=io.BytesIO(content))
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"}
    )
    asg.create_auto_scaling_group(
        AutoScalingGroupName="web",
        MinSize=1,
        MaxSize=2,
        LaunchTemplate={"LaunchTemplateName": "web"},
        VPCZoneIdentifier=subnet,
    )
    aws.client("acm").import_certificate(**self_signed())
    tagged = {"Tags": [{"Key": "team", "Value": "blue"}]}
    for _ in range(3):
        ec2.create_internet_gateway(TagSpecifications=[{"ResourceType": "internet-gateway", **tagged}])
    aws.client("resourcegroupstaggingapi").get_resources(ResourcesPerPage=1)  # the other pages are never asked for
    aws.client("lambda").list_functions()  # a service that no stack uses
    return key


def self_signed():
    """Return a certificate and its key, ready to import."""
    made = _create_certificate("www.example.test")
    return {"Certificate": made["Certificate"], "PrivateKey": made["PrivateKey"]}


def describe(aws):
    """Return what the account shows of these resources, without times and request ids."""
    ec2, s3, kms, asg = (aws.client(service) for service in ("ec2", "s3", "kms", "autoscaling"))
    certificates = aws.client("acm").list_certificates()["CertificateSummaryList"]
    versions = s3.list_object_versions(Bucket="kept")["Versions"]
    return {
        "subnets": ec2.describe_subnets()["Subnets"],
        "reservations": ec2.describe_instances()["Reservations"],
        "versions": [
            s3.get_object(Bucket="kept", Key="object", VersionId=v["VersionId"])["Body"].read() for v in versions
        ],
        "public keys": [kms.get_public_key(KeyId=key["KeyId"])["PublicKey"] for key in kms.list_keys()["Keys"]],
        "groups": asg.describe_auto_scaling_groups()["AutoScalingGroups"],
        "certificates": [
            aws.client("acm").get_certificate(CertificateArn=c["CertificateArn"])["Certificate"] for c in certificates
        ],
    }


def kill(aws):
    """End the server as a crash would."""
    server = aws.address.process
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: server.running() is None)


def test_an_account_is_the_same_after_a_restart(tmp_path):
    """`down` and `up` change nothing that a notebook can see, not even the address."""
    with embedded(tmp_path) as aws:
        key = build(aws)
        before, address = describe(aws), aws.address
        process.stop(tmp_path)
        aws.connection = connection("local", "embedded", tmp_path)
        assert describe(aws) == before
        assert aws.address.url == address.url
        assert aws.address.token != address.token
        kms = aws.client("kms")
        signed = kms.sign(KeyId=key, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
        assert kms.verify(KeyId=key, Message=b"m", Signature=signed, SigningAlgorithm="ECDSA_SHA_256")["SignatureValid"]


@pytest.mark.exhaustive
def test_a_killed_server_loses_only_the_last_changes(tmp_path):
    """After `kill -9`, all changes but the latest are restored."""
    with embedded(tmp_path) as aws:
        build(aws)
        before = describe(aws)
        aws.client("sns").create_topic(Name="late")
        time.sleep(LATEST_SECONDS + ONE_SAVE_SECONDS)  # the promised moments, not a guess
        kill(aws)
        aws.connection = connection("local", "embedded", tmp_path)
        assert describe(aws) == before
        assert len(aws.client("sns").list_topics()["Topics"]) == 1


@pytest.mark.exhaustive
def test_changes_without_a_pause_are_saved(tmp_path):
    """An apply that never pauses is saved while it runs."""
    with embedded(tmp_path) as aws:
        sns, state = aws.client("sns"), StateFolder(tmp_path).state
        deadline = time.monotonic() + LATEST_SECONDS + ONE_SAVE_SECONDS
        while not state.exists() and time.monotonic() < deadline:
            sns.create_topic(Name="again")
        assert state.exists()


@pytest.mark.exhaustive
def test_the_state_of_another_moto_is_set_aside(tmp_path):
    """After an upgrade the account is empty; the message says where the old state is kept."""
    folder = StateFolder(tmp_path)
    folder.create()
    folder.state.write_bytes(json.dumps({"format": 1, "moto": "4.0.0", "python": "3.11"}).encode() + b"\nbytes")
    with pytest.raises(LocalError, match=r"moto 4\.0\.0") as raised, embedded(tmp_path):
        pass
    (kept,) = folder.path.glob("state.pickle.*")
    assert kept.read_bytes()[-5:] == b"bytes"
    assert f"it is set aside as {kept}, and the account is empty" in raised.value.what
    assert "`runbook apply --env local`" in raised.value.fix
    with embedded(tmp_path) as aws:
        assert aws.client("sns").list_topics()["Topics"] == []


def test_a_damaged_state_does_not_stop_the_start(tmp_path):
    """It is set aside, with the reason: the command that starts it fails, and the next one finds an empty account."""
    folder = StateFolder(tmp_path)
    folder.create()
    folder.state.write_bytes(b"\x80half")
    try:
        first = CliRunner().invoke(main, ["local", "up", "--root", str(tmp_path)])
        assert (first.exit_code, "set aside" in first.stderr) == (1, True)
        assert CliRunner().invoke(main, ["local", "up", "--root", str(tmp_path)]).exit_code == 0
    finally:
        process.stop(tmp_path)


def test_reset_gives_an_empty_account(aws):
    """All resources are gone, and bucket names are free again."""
    build(aws)
    aws.reset()
    assert aws.client("ec2").describe_instances()["Reservations"] == []
    assert aws.client("s3").list_buckets()["Buckets"] == []
    with pytest.raises(botocore.exceptions.ClientError, match="NoSuchBucket"):
        aws.client("s3").list_objects_v2(Bucket="kept")
    build(aws)


def test_the_state_is_for_its_owner_only(tmp_path):
    """Other users cannot read the account's secrets or the token."""
    with embedded(tmp_path) as aws:
        aws.control("save")
        folder = StateFolder(tmp_path).path
        assert folder.stat().st_mode & 0o077 == 0
        assert {f.name for f in folder.iterdir() if f.stat().st_mode & 0o077} <= {"start.lock", "server.lock"}


@pytest.mark.exhaustive
def test_forgetting_needs_the_server_down(tmp_path, runner):
    """`down --forget` deletes the account; the next start is empty."""
    with embedded(tmp_path) as aws:
        aws.client("sns").create_topic(Name="gone")
        said = runner(commands.local, ["down", "--forget", "--root", str(tmp_path)])
        assert "deleted" in said
        aws.connection = connection("local", "embedded", tmp_path)
        assert aws.client("sns").list_topics()["Topics"] == []
