"""What one field may say, and what it says when nobody says anything."""

from ipaddress import IPv4Network

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runbook_lib.params.fields import LOG_DAYS
from runbook_lib.params.model import Certificate, Data, Deploy, GitHub, Guards, Network, Params, Sessions
from runbook_lib.params.signing import Approval, Evidence
from tests.params.parameter_files import GOOD

RAW = yaml.safe_load(GOOD)
ANN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICuFKBJ7naHX81UxdPvLuL/ec7tixRSetpDYhfONeMDH"
BOB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9zKqcd0sYyqCYqoxEEFk8yWxS1RcXjTkXJ5xGJxUqm bob@example"
COMMIT = {"repository": "example/web", "commit": "0123456789abcdef" * 2 + "01234567"}


def network(**changes):
    return Network.model_validate(RAW["network"] | changes)


def certificate(**fields):
    return Certificate.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"arn": "arn:aws:acm:us-west-2:123456789012:certificate/0a1b"},
        {"domain": "www.example.com", "hosted_zone": "Z0123456789EXAMPLE"},
        {"self_signed": "web.dev.test"},
    ],
)
def test_a_certificate_comes_from_one_of_three_places(fields):
    assert certificate(**fields).model_dump(exclude_none=True) == fields


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"arn": "arn:aws:acm:us-west-2:123456789012:certificate/0a1b", "self_signed": "web.dev.test"},
        {"domain": "www.example.com", "hosted_zone": "Z0123456789EXAMPLE", "self_signed": "web.dev.test"},
    ],
)
def test_a_certificate_from_nowhere_or_from_two_places_is_refused(fields):
    with pytest.raises(ValidationError, match="give exactly one of arn, domain"):
        certificate(**fields)


@pytest.mark.parametrize(
    "fields", [{"domain": "www.example.com"}, {"self_signed": "web.dev.test", "hosted_zone": "Z0123456789EXAMPLE"}]
)
def test_a_domain_and_its_zone_belong_together(fields):
    with pytest.raises(ValidationError, match="domain and hosted_zone belong together"):
        certificate(**fields)


@pytest.mark.parametrize("name", ["localhost", "web", "web.", ".test", "-web.test", "web_1.test", "Web.test", "web.1"])
def test_a_self_signed_certificate_is_for_a_full_domain_name(name):
    """Elastic Load Balancing refuses any other, after all servers were created."""
    with pytest.raises(ValidationError, match="write a full domain name"):
        certificate(self_signed=name)


def test_a_revision_is_either_built_here_or_a_commit():
    assert Deploy.model_validate({"source": "github", "github": COMMIT}).github
    for fields in ({"source": "github"}, {"source": "s3", "github": COMMIT}):
        with pytest.raises(ValidationError, match="belong together"):
            Deploy.model_validate(fields)


@pytest.mark.parametrize("commit", ["main", "v1.0", "0123456", COMMIT["commit"].upper(), 1234567])
def test_a_revision_is_one_commit_and_no_name_that_moves(commit):
    """What was reviewed is what is deployed."""
    with pytest.raises(ValidationError):
        Deploy.model_validate({"source": "github", "github": COMMIT | {"commit": commit}})


@pytest.mark.parametrize("repository", ["example/web", "Example-Org/web.app_2", "example@123456/web@456789"])
def test_a_repository_is_named_as_its_tokens_name_it(repository):
    """With the ids that GitHub has put into the tokens of new repositories since July 2026, or without."""
    found = GitHub.model_validate({"repository": repository, "environments": ["prod"]})
    assert found.repository == repository


@pytest.mark.parametrize(
    "fields",
    [
        {"repository": "example", "environments": ["prod"]},
        {"repository": "example/*", "environments": ["prod"]},
        {"repository": "example@123456/web", "environments": ["prod"]},
        {"repository": "https://github.com/example/web", "environments": ["prod"]},
        {"repository": "example/web:ref", "environments": ["prod"]},
        {"repository": "example/web", "environments": []},
        {"repository": "example/web", "environments": ["*"]},
        {"repository": "example/web", "environments": ["a:b"]},
        {"repository": "example/web"},
    ],
)
def test_who_may_deploy_is_named_in_full(fields):
    """Neither every repository of an owner nor every job of a repository."""
    with pytest.raises(ValidationError):
        GitHub.model_validate(fields)


def test_sessions_are_in_cookies_unless_somebody_asks_for_a_cache():
    """It costs by the hour."""
    assert Params.model_validate(RAW).data.sessions.store == Data().sessions.store == "cookie"


@pytest.mark.parametrize(
    "node_type", ["cache.t4g.micro", "cache.t2.micro", "cache.m7g.large", "cache.r7g.xlarge", "cache.c7gn.16xlarge"]
)
@pytest.mark.parametrize("replicas", [0, 5])
def test_a_cache_is_of_any_size_that_elasticache_makes(node_type, replicas):
    found = Sessions.model_validate({"store": "elasticache", "node_type": node_type, "replicas": replicas})
    assert (found.node_type, found.replicas) == (node_type, replicas)


@pytest.mark.parametrize("node_type", ["cache.t1.micro", "cache.m3.large", "cache.c1.xlarge", "cache.r6gd.xlarge"])
def test_a_cache_that_elasticache_makes_no_more_or_otherwise_is_refused(node_type):
    """It refuses old types, and those that keep some of the data on disks unless asked for exactly that."""
    with pytest.raises(ValidationError, match="AWS does not offer"):
        Sessions.model_validate({"node_type": node_type})


@pytest.mark.parametrize(
    "fields",
    [{"replicas": 6}, {"replicas": -1}, {"replicas": "1"}, {"store": "redis"}, {"node_type": "db.t4g.micro"}],
)
def test_what_is_no_cache_is_refused(fields):
    """ElastiCache takes five replicas at most."""
    with pytest.raises(ValidationError):
        Sessions.model_validate(fields)


def test_who_says_nothing_is_protected():
    """Guards stand unless somebody takes them down."""
    assert set(Guards().model_dump().values()) == {True}


def key_line(key):
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize("ends", ["", " me@here", " \n"])
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa"])
def test_a_public_key_is_taken(kind, ends):
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ssh-ed25519" else rsa.generate_private_key(65537, 2048)
    text = key_line(key) + ends
    assert text.startswith(kind)
    assert network(public_key=text).public_key == text


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", "ecdsa-sha2-nistp256 AAAA", "ssh-dss AAAA", "~/.ssh/id.pub",
        "ssh-ed25519 AAAA", "ssh-rsa AAAAB3NzaC1yc2E=", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@here",
        f"{ANN}\n{BOB}", ANN.replace("ssh-ed25519", "ssh-rsa"), ANN[:-4],
    ],
)  # fmt: skip
def test_a_private_key_or_one_that_ec2_does_not_take_is_refused(key):
    """Also a key that is cut off: nobody could ever sign in with it."""
    with pytest.raises(ValidationError, match="not an OpenSSH public key"):
        network(public_key=key)


@pytest.mark.parametrize("key", ["ssh-ed25519 AAAA", ANN[:-4], ANN.replace("ssh-ed25519", "ssh-rsa")])
def test_a_key_that_is_none_cannot_approve_or_be_trusted(key):
    for model, fields in (
        (Approval, {"required": True, "signers": {"ann": key}}),
        (Evidence, {"trusted_keys": {"ann": key}}),
    ):
        with pytest.raises(ValidationError, match="not an OpenSSH public key"):
            model.model_validate(fields)


@given(st.integers(min_value=-10, max_value=5000))
def test_a_retention_is_taken_when_cloudwatch_logs_has_it(days):
    for model, field in ((Data, "log_days"), (Network, "flow_log_days")):
        raw = RAW["network"] if model is Network else {}
        if days in LOG_DAYS:
            assert getattr(model.model_validate(raw | {field: days}), field) == days
        else:
            with pytest.raises(ValidationError, match="CloudWatch Logs keeps logs"):
                model.model_validate(raw | {field: days})


@given(st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_ssh_is_open_to_a_network_of_administrators_only(length, address):
    """Whatever is larger than any company's network is the world, also in parts."""
    cidr = str(IPv4Network((address, length), strict=False))
    if length < 8:
        with pytest.raises(ValidationError, match="opens SSH to the world"):
            network(admin_cidrs=[cidr])
    else:
        assert [str(found) for found in network(admin_cidrs=[cidr]).admin_cidrs] == [cidr]


def test_one_world_open_network_among_others_is_refused():
    with pytest.raises(ValidationError, match=r"0\.0\.0\.0/0 opens SSH to the world"):
        network(admin_cidrs=["203.0.113.0/24", "0.0.0.0/0"])


@pytest.mark.parametrize("env", ["dev", "dev2", "prod-eu", "a1-b2-c3", "qa"])
def test_an_environment_has_a_plain_name(env):
    assert Params.model_validate(RAW | {"env": env}).env == env


@pytest.mark.parametrize("env", ["", "d", "Dev", "2dev", "-dev", "dev-", "dev--eu", "dev_eu", "dev.eu", "dev eu", 1])
def test_a_name_that_some_service_refuses_is_refused(env):
    """RDS takes no hyphen at the end nor two in a row, S3 no capitals, IAM no spaces."""
    with pytest.raises(ValidationError):
        Params.model_validate(RAW | {"env": env})


def test_people_who_approve_have_a_key_each():
    found = Approval.model_validate({"required": True, "threshold": 2, "signers": {"ann": ANN, "bob": BOB}})
    assert set(found.signers) == {"ann", "bob"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"signers": {"ann": ANN}}, "signers need required: true"),
        ({"required": True, "threshold": 2}, "two signers with different keys"),
        ({"required": True, "threshold": 2, "signers": {"ann": ANN, "bob": ANN}}, "two signers with different keys"),
        (
            {"required": True, "threshold": 2, "signers": {"ann": BOB, "bob": f"{BOB}.org"}},
            "two signers with different keys",
        ),
        ({"required": True, "signers": {"ann": "AAAA"}}, "signers.ann"),
        ({"required": True, "signers": {"../ann": ANN}}, r"\.\./ann"),
        ({"required": True, "threshold": 3}, "threshold"),
        ({"required": True, "valid_hours": 0}, "valid_hours"),
    ],
)
def test_who_approves_is_said_so_that_it_can_be_meant(fields, why):
    with pytest.raises(ValidationError, match=why):
        Approval.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"object_lock": {"days": 1}}, "needs store: bucket"),
        ({"store": "bucket", "object_lock": {"mode": "governance", "days": 1}}, "object_lock.mode"),
        ({"store": "bucket", "object_lock": {"mode": "GOVERNANCE"}}, "object_lock.days"),
        ({"kms_key": "alias/evidence"}, "kms_key"),
        ({"kms_key": "arn:aws:kms:us-west-2:123456789012:alias/evidence"}, "kms_key"),
    ],
)
def test_how_evidence_is_kept_is_said_so_that_it_can_be_done(fields, why):
    with pytest.raises(ValidationError, match=why):
        Evidence.model_validate(fields)
