"""A host reads its metadata and its role's credentials as an instance does, and may do what the role allows."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from threading import RLock, Thread

import pytest
from moto import mock_aws
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from embedded_aws import services
from embedded_aws.account import backends
from embedded_aws.authorization import sessions
from embedded_aws.authorization.enforcement import Authorization
from embedded_aws.hosts.fleet import Fleet
from embedded_aws.hosts.metadata_service import MetadataService
from embedded_aws.server.request_handler import RequestHandler
from embedded_aws.server.wsgi import WsgiApp
from hosts.bundle import zipped
from hosts.cloud import Cloud
from tests.support.trusted_keys import trust

CREDENTIALS = "meta-data/iam/security-credentials/"
# A hook that makes one call with what the environment of a host gives it; boto3's own chain.
HOOK = """#!/bin/sh
exec python3 - <<'END'
import boto3, os, sys
assert "AWS_ACCESS_KEY_ID" not in os.environ
who = boto3.client("sts").get_caller_identity()["Arn"]
print("I am", who)
try: boto3.client("sqs").create_queue(QueueName="orders")
except Exception as error: sys.exit(str(error))
print("created")
END
"""


class Account(Cloud):
    """The account with a fleet, that its hosts reach by HTTP."""

    def __init__(self, folder, registry, monkeypatch):
        services.install()
        self.lock, self.metadata = RLock(), MetadataService()
        self.metadata.start()
        app = WsgiApp(
            DomainDispatcherApplication(create_backend_app), lambda *_: ("404 Not Found", [], b""), "token", self.lock,
            lambda: None, Authorization(self.lock, lambda environ, forward: forward(environ)),
        )  # fmt: skip
        self.http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=RequestHandler)
        Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        super().__init__(folder, registry, monkeypatch)
        self.iam = self.client("iam")
        self.iam.create_role(RoleName="app", AssumeRolePolicyDocument=trust("ec2"))
        self.iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="app")

    def new_fleet(self, monkeypatch):
        url = f"http://127.0.0.1:{self.http.server_port}"
        self.use_fleet(Fleet(self.folder, self.registry, lambda: url, metadata=self.metadata), monkeypatch)

    def tick(self):
        with self.lock:
            super().tick()
            self.metadata.tick()

    def stop(self):
        self.fleet.stop()
        self.metadata.stop()
        self.http.shutdown()
        self.http.server_close()

    def allow(self, actions, resources="*"):
        statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="app", PolicyName="app", PolicyDocument=document)


@pytest.fixture
def account(tmp_path, registry, monkeypatch):
    with mock_aws():
        account = Account(tmp_path / "machines", registry, monkeypatch)
        yield account
        account.stop()
        assert registry.running() == []


def ask(url, path="", method="GET", **headers):
    """Return status and body of a request to a metadata service; an underscore in a header's name is a dash."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{url}/latest/{path}", method=method, headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def token(url, ttl="60", **headers):
    return ask(url, "api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds=ttl, **headers)


class Reader:
    """Reads an instance's metadata as an SDK does."""

    def __init__(self, account, instance_id):
        self.url = account.fleet.get(instance_id).host.environment()["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
        self.token = token(self.url)[1]

    def get(self, path):
        return ask(self.url, path, X_aws_ec2_metadata_token=self.token)


def test_a_call_that_the_role_does_not_allow_fails_in_a_hook(account):
    """It works once the role allows it, and fails again when it no longer does. No hook sees the operator's keys."""
    account.launch()
    account.up()

    def deployed(version):
        deployment = account.deploy(zipped(version, AfterInstall=HOOK), f"{version}.zip")
        status = account.ended(deployment)["status"]
        log = "".join(path.read_text() for path in account.folder.rglob(f"{deployment}/logs/scripts.log"))
        return status, log

    status, log = deployed("v1")
    assert status == "Failed"
    caller = next(f"arn:aws:sts::123456789012:assumed-role/app/{name}" for name in account.members() if name in log)
    assert f"I am {caller}" in log
    queue = "arn:aws:sqs:us-west-2:123456789012:orders"
    assert f"User: {caller} is not authorized to perform: sqs:createqueue on resource: {queue} because no" in log
    account.allow("sqs:CreateQueue", queue)
    assert deployed("v2")[0] == "Succeeded"
    account.iam.delete_role_policy(RoleName="app", PolicyName="app")
    assert deployed("v3")[0] == "Failed"
    written = [path.read_text(errors="replace") for path in account.folder.rglob("*") if path.is_file()]
    keys = [session for session in sessions.sessions._by_key.values() if session.name in account.members()]
    assert keys
    assert not any(one.secret_key in text or one.token in text for one in keys for text in written)


def test_metadata(account):
    account.launch()
    name, _ = account.up()
    reader = Reader(account, name)
    instance = backends.backend("ec2").get_instance(name)
    zone = account.members()[name]
    expected = {
        "meta-data/instance-id": name,
        "meta-data/placement/availability-zone": zone,
        "meta-data/placement/region": "us-west-2",
        "meta-data/local-ipv4": instance.private_ip,
        "meta-data/tags/instance/Layer": "compute",
        "meta-data/tags/instance/aws:autoscaling:groupName": "web",
        CREDENTIALS: "app",
        "meta-data/iam/": "info\nsecurity-credentials/",
    }
    assert {path: reader.get(path) for path in expected} == {path: (200, text) for path, text in expected.items()}
    document = json.loads(reader.get("dynamic/instance-identity/document")[1])
    assert (document["instanceId"], document["availabilityZone"], document["region"]) == (name, zone, "us-west-2")
    info = json.loads(reader.get("meta-data/iam/info")[1])
    assert (info["Code"], info["InstanceProfileArn"]) == ("Success", account.profile)
    assert "instance-id" in reader.get("meta-data/")[1].splitlines()
    for path in ("meta-data/unknown", "meta-data/instance-id/x", f"{CREDENTIALS}other", "meta-data/public-ipv4"):
        assert reader.get(path)[0] == 404


def test_only_a_token_opens_the_metadata(account):
    """HttpTokens is required; a token of another instance is none; a web page or a forwarded request gets nothing."""
    account.launch()
    one, other = account.up()
    reader = Reader(account, one)
    path = "meta-data/instance-id"
    assert ask(reader.url, path)[0] == 401
    assert ask(reader.url, path, X_aws_ec2_metadata_token=Reader(account, other).token)[0] == 401
    assert [token(reader.url, ttl)[0] for ttl in ("0", "21601", "x", "1")] == [400, 400, 400, 200]
    assert ask(reader.url, "api/token", "PUT")[0] == 400
    assert token(reader.url, X_Forwarded_For="203.0.113.9")[0] == 403
    assert token(reader.url, Origin="http://evil.example")[0] == 403
    assert token(reader.url, Host="evil.example")[0] == 403
    account.ec2.modify_instance_metadata_options(InstanceId=one, HttpTokens="optional", HttpEndpoint="enabled")
    account.tick()
    assert ask(reader.url, path) == (200, one)
    account.ec2.modify_instance_metadata_options(InstanceId=one, HttpTokens="required", HttpEndpoint="disabled")
    account.tick()
    assert reader.get(path)[0] == 403


def test_credentials_are_temporary_and_renewed(account, monkeypatch):
    account.launch()
    name, other = account.up()

    def credentials(instance):
        return json.loads(Reader(account, instance).get(f"{CREDENTIALS}app")[1])

    first = credentials(name)
    assert (first["Code"], first["Type"], first["AccessKeyId"][:4]) == ("Success", "AWS-HMAC", "ASIA")
    left = datetime.fromisoformat(first["Expiration"]) - datetime.now(UTC)
    assert 3500 < left.total_seconds() <= 3600
    assert credentials(name)["AccessKeyId"] == first["AccessKeyId"]
    assert credentials(other)["AccessKeyId"] != first["AccessKeyId"]
    monkeypatch.setattr(sessions, "RENEWED_BEFORE_END", sessions.LIFETIME)
    assert credentials(name)["AccessKeyId"] != first["AccessKeyId"]


def test_a_profile_can_be_detached_and_replaced(account):
    """Without a profile there are no credentials; a role that does not trust EC2 has none to give."""
    account.launch()
    name, _ = account.up()
    reader = Reader(account, name)
    attached = {"Filters": [{"Name": "instance-id", "Values": [name]}]}
    (association,) = account.ec2.describe_iam_instance_profile_associations(**attached)[
        "IamInstanceProfileAssociations"
    ]
    account.ec2.disassociate_iam_instance_profile(AssociationId=association["AssociationId"])
    account.tick()
    for path in (CREDENTIALS, f"{CREDENTIALS}app", "meta-data/iam/info"):
        assert reader.get(path)[0] == 404
    account.iam.create_instance_profile(InstanceProfileName="other")
    account.iam.create_role(RoleName="other", AssumeRolePolicyDocument=trust("lambda"))
    account.iam.add_role_to_instance_profile(InstanceProfileName="other", RoleName="other")
    account.ec2.associate_iam_instance_profile(InstanceId=name, IamInstanceProfile={"Name": "other"})
    account.tick()
    assert reader.get(CREDENTIALS) == (200, "other")
    refusal = json.loads(reader.get(f"{CREDENTIALS}other")[1])
    assert (refusal["Code"], "AccessKeyId" in refusal) == ("AssumeRoleUnauthorizedAccess", False)
    account.iam.update_assume_role_policy(RoleName="other", PolicyDocument=trust("ec2"))
    account.tick()
    assert json.loads(reader.get(f"{CREDENTIALS}other")[1])["Code"] == "Success"


def test_the_address_stays_after_a_restart(account, monkeypatch):
    account.launch()
    account.up()

    def urls():
        return {name: host.metadata for name, host in account.fleet.hosts().items()}

    before = urls()
    account.fleet.stop()
    with pytest.raises(urllib.error.URLError):
        token(next(iter(before.values())))
    account.new_fleet(monkeypatch)
    account.up()
    assert urls() == before
