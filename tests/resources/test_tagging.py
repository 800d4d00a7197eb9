"""How the tags of each kind of thing are read and written: every service has a call of its own for it."""

from types import SimpleNamespace

import pytest

from runbook_lib.resources.tagging import Tagging

TAGS = {"Name": "web", "runbook:env": "test"}
PAIRS = [{"Key": "Name", "Value": "web"}, {"Key": "runbook:env", "Value": "test"}]
GROUP = {"ResourceId": "x", "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}

CALLS = [
    ("acm", "acm", "add_tags_to_certificate", {"CertificateArn": "x", "Tags": PAIRS}),
    ("autoscaling", "autoscaling", "create_or_update_tags", {"Tags": [pair | GROUP for pair in PAIRS]}),
    ("cloudwatch", "cloudwatch", "tag_resource", {"ResourceARN": "x", "Tags": PAIRS}),
    ("codedeploy", "codedeploy", "tag_resource", {"ResourceArn": "x", "Tags": PAIRS}),
    ("ec2", "ec2", "create_tags", {"Resources": ["x"], "Tags": PAIRS}),
    ("elasticache", "elasticache", "add_tags_to_resource", {"ResourceName": "x", "Tags": PAIRS}),
    ("elbv2", "elbv2", "add_tags", {"ResourceArns": ["x"], "Tags": PAIRS}),
    ("events", "events", "tag_resource", {"ResourceARN": "x", "Tags": PAIRS}),
    ("iam instance profile", "iam", "tag_instance_profile", {"InstanceProfileName": "x", "Tags": PAIRS}),
    ("iam provider", "iam", "tag_open_id_connect_provider", {"OpenIDConnectProviderArn": "x", "Tags": PAIRS}),
    ("iam role", "iam", "tag_role", {"RoleName": "x", "Tags": PAIRS}),
    ("lambda", "lambda_", "tag_resource", {"Resource": "x", "Tags": TAGS}),
    ("logs", "logs", "tag_resource", {"resourceArn": "x", "tags": TAGS}),
    ("rds", "rds", "add_tags_to_resource", {"ResourceName": "x", "Tags": PAIRS}),
    ("s3", "s3", "put_bucket_tagging", {"Bucket": "x", "Tagging": {"TagSet": PAIRS}}),
    ("secretsmanager", "secretsmanager", "tag_resource", {"SecretId": "x", "Tags": PAIRS}),
    ("ssm", "ssm", "add_tags_to_resource", {"ResourceType": "Parameter", "ResourceId": "x", "Tags": PAIRS}),
]


def written(tagging, tags):
    """The calls, as service, operation and request."""
    calls = []

    class Service:
        def __init__(self, name):
            self.name = name

        def __getattr__(self, operation):
            return lambda **request: calls.append((self.name, operation, request))

    services = {service for _, service, _, _ in CALLS}
    tagging.write(SimpleNamespace(**{name: Service(name) for name in services}), tags)
    return calls


@pytest.mark.parametrize(("api", "service", "operation", "request_"), CALLS)
def test_tags_are_written_with_the_service_s_own_call(api, service, operation, request_):
    assert written(Tagging(api, "x", {}), TAGS) == [(service, operation, request_)]


def test_several_things_of_ec2_are_tagged_with_one_call():
    assert written(Tagging("ec2", ("i-1", "vol-1"), {}), TAGS) == [
        ("ec2", "create_tags", {"Resources": ["i-1", "vol-1"], "Tags": PAIRS})
    ]


@pytest.mark.parametrize("api", ["s3", "rds"])
def test_other_tags_stay(api):
    """S3 replaces all tags, so the others are sent along; of those of AWS's own it takes none."""
    there = {"Name": "old", "team": "a", "aws:cloudformation:stack-id": "x"}
    ((_, _, request),) = written(Tagging(api, "x", there), {"Name": "web"})
    sent = request["Tagging"]["TagSet"] if api == "s3" else request["Tags"]
    others = [{"Key": "team", "Value": "a"}] if api == "s3" else []
    assert sent == [{"Key": "Name", "Value": "web"}, *others]


def test_tags_are_read_from_the_field_of_the_answer_that_has_them():
    assert Tagging.of("rds", "x", {"Tags": PAIRS}) == Tagging("rds", "x", TAGS)
    assert Tagging.of("rds", ("x", "y"), {"TagList": PAIRS}, "TagList") == Tagging("rds", ("x", "y"), TAGS)
    assert Tagging.of("rds", "x", {}) == Tagging("rds", "x", {})
    assert Tagging.of("rds", "x", None) is None
