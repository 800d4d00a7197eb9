"""A person's mistake is told by the plan, at its parameter, and not by AWS in the middle; what AWS offers passes."""

from types import SimpleNamespace

import pytest

from runbook_lib.errors import RequestRejected
from runbook_lib.resources.auto_scaling_group import AutoScalingGroup
from runbook_lib.resources.base import Observed
from runbook_lib.resources.certificate import GivenCertificate
from runbook_lib.resources.db_instance import DbInstance
from runbook_lib.resources.db_instance_options import foresee_refusal
from runbook_lib.resources.flow_log import FlowLog
from runbook_lib.resources.instance import Instance
from runbook_lib.resources.instance_profile import InstanceProfile
from runbook_lib.resources.instance_types import foresee_image, foresee_type
from runbook_lib.resources.load_balancer import LoadBalancer
from runbook_lib.resources.role import Role
from tests.resources import cases_compute, cases_data
from tests.resources.test_contract import CASES

ARN = "arn:aws:acm:us-west-2:123456789012:certificate/1"


class Answers:
    """A snapshot that answers what it is given, by operation; an error is raised."""

    aws = SimpleNamespace(region="us-west-2")

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def _answer(self, service, operation, *args, **request):
        self.asked.append(operation)
        answer = self.answers[operation]
        if isinstance(answer, Exception):
            raise answer
        return answer

    all = get = _answer


def option(version="8.4.6", storage="gp3", multi_az=True):
    return {"EngineVersion": version, "StorageType": storage, "MultiAZCapable": multi_az}


class TestDatabase:
    def refusal(self, *options, multi_az=True):
        snapshot = Answers(describe_orderable_db_instance_options=list(options))
        return foresee_refusal(snapshot, "db.t4g.micro", "8.4", "gp3", multi_az)

    def test_what_is_offered_passes(self):
        assert self.refusal(option(), option(storage="standard", multi_az=False)) is None
        assert self.refusal(option(multi_az=False), multi_az=False) is None

    @pytest.mark.parametrize(
        ("options", "field", "words"),
        [
            ([], "instance_class", "does not offer db.t4g.micro in us-west-2"),
            ([option("8.0.43")], "engine_version", "not offer MySQL 8.4 on db.t4g.micro in us-west-2, only 8.0.43"),
            ([option(storage="gp2")], "storage_type", "does not offer gp3 storage"),
            ([option(multi_az=False)], "multi_az", "does not offer Multi-AZ"),
        ],
    )
    def test_what_is_not_offered_is_named_with_its_parameter(self, options, field, words):
        refusal = self.refusal(*options)
        assert words in refusal.reason
        assert field in refusal.fields
        assert "data." in refusal.fix

    def test_an_error_about_the_class_says_the_same(self):
        error = RequestRejected("Invalid DB Instance class", fix="", code="InvalidParameterValue", message="")
        snapshot = Answers(describe_orderable_db_instance_options=error)
        assert "does not offer" in foresee_refusal(snapshot, "db.t3.x", "8.4", "gp3", False).reason

    def test_only_a_change_of_what_matters_costs_a_call(self):
        snapshot = Answers()
        assert cases_data.database.foresee_refusal(snapshot, {}, Observed("db", {}), {"backup_days"}) is None
        assert snapshot.asked == []


class TestServers:
    def test_a_type_is_offered_in_every_zone(self):
        offered = [{"Location": f"us-west-2{letter}"} for letter in "ab"]
        snapshot = Answers(describe_instance_type_offerings=offered)
        assert foresee_type(snapshot, "t4g.small", ("us-west-2a", "us-west-2b"), "compute.instance_type") is None
        refusal = foresee_type(snapshot, "t4g.small", ("us-west-2a", "us-west-2d"), "compute.instance_type")
        assert "t4g.small in us-west-2d, only in us-west-2a, us-west-2b" in refusal.reason
        assert "compute.instance_type" in refusal.fix

    @pytest.mark.parametrize(
        ("image", "words"),
        [
            (None, "no image ami-1"),
            ({"State": "pending", "Architecture": "arm64"}, "is pending"),
            ({"State": "available", "Architecture": "x86_64"}, "is for x86_64, and t4g.small is arm64"),
        ],
    )
    def test_a_pinned_image_can_be_launched_on_the_type(self, image, words):
        types = {"InstanceTypes": [{"ProcessorInfo": {"SupportedArchitectures": ["arm64"]}}]}
        snapshot = Answers(describe_images={"Images": [image]} if image else None, describe_instance_types=types)
        refusal = foresee_image(snapshot, "ami-1", "t4g.small", "compute.instance_type")
        assert words in refusal.reason
        assert "compute.image" in refusal.fix
        right = {"Images": [{"State": "available", "Architecture": "arm64"}]}
        snapshot = Answers(describe_images=right, describe_instance_types=types)
        assert foresee_image(snapshot, "ami-1", "t4g.small", "compute.instance_type") is None

    def test_a_bastion_that_is_there_is_not_asked_about(self):
        snapshot = Answers()
        assert cases_compute.bastion().foresee_refusal(snapshot, {}, Observed("i", {}), {"groups"}) is None
        assert snapshot.asked == []


class TestCache:
    def refusal(self, allowed, **observed):
        snapshot = Answers(list_allowed_node_type_modifications={"ScaleUpModifications": allowed})
        return cases_data.cache.foresee_refusal(snapshot, {}, Observed("s", {}, **observed), {"node_type"})

    def test_a_group_changes_to_what_elasticache_allows(self):
        assert self.refusal([cases_data.cache.node_type]) is None
        refusal = self.refusal(["cache.m7g.large"])
        assert "data.sessions.node_type" in refusal.fix
        assert "cache.m7g.large" in refusal.fix

    def test_nothing_is_asked_while_it_is_busy(self):
        assert self.refusal([], ready=False) is None


class TestCertificate:
    def refusal(self, **changes):
        right = {"Status": "ISSUED", "KeyAlgorithm": "RSA-2048", "DomainName": "www.example.com"}
        snapshot = Answers(describe_certificate={"Certificate": right | changes})
        listener = cases_compute.https(certificate=GivenCertificate(name="web", known_as=ARN))
        return listener.foresee_refusal(snapshot, {}, None, {"certificate"})

    def test_one_that_load_balancers_take_passes(self):
        assert self.refusal() is None
        assert self.refusal(KeyAlgorithm="EC_prime256v1") is None

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"Status": "PENDING_VALIDATION"}, "PENDING_VALIDATION"),
            ({"KeyAlgorithm": "RSA-1024"}, "RSA_1024"),
            ({"DomainName": "web"}, "not a full domain name"),
        ],
    )
    def test_what_is_wrong_with_it_is_said(self, changes, words):
        refusal = self.refusal(**changes)
        assert words in refusal.reason
        assert "compute.certificate.arn" in refusal.fix


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        (DbInstance, "InvalidParameterValue", "Invalid DB Instance class: db.t3.nonsense"),
        (LoadBalancer, "InvalidConfigurationRequest", "All subnets must belong to the same VPC: 'vpc-1'"),
        (AutoScalingGroup, "ValidationError", "You must use a valid fully-formed launch template."),
        (Instance, "InvalidParameterValue", "Invalid value 't4g.nonsense' for InstanceType."),
        (FlowLog, "InvalidParameter", "LogDestination is not valid"),
        (Role, "NoSuchEntity", "Scope ARN: arn:aws:iam::1:policy/x does not exist or is not attachable."),
        (InstanceProfile, "LimitExceeded", "Cannot exceed quota for InstanceProfilesPerAccount: 1000"),
    ],
)
def test_a_mistake_is_not_repeated(kind, code, message):
    assert not kind.is_eventual(kind, code, message)


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        (
            LoadBalancer,
            "InvalidConfigurationRequest",
            "Access Denied for bucket: b. Please check S3bucket permission",
        ),
        (LoadBalancer, "InvalidConfigurationRequest", "S3Bucket validation transient issue"),
        (Role, "NoSuchEntity", "The role with name dev-web cannot be found."),
        (InstanceProfile, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"),
        (DbInstance, "InvalidParameterValue", "IAM role ARN value is invalid or does not include ENHANCED_MONITORING"),
    ],
)
def test_what_aws_does_not_know_yet_is_sent_again(kind, code, message):
    assert kind.is_eventual(kind, code, message)


# AWS has each of them for many mistakes.
GENERAL = {
    "InvalidConfigurationRequest", "InvalidInput", "InvalidParameter", "InvalidParameterCombination",
    "InvalidParameterValue", "InvalidRequest", "InvalidRequestException", "LimitExceeded", "ValidationError",
    "ValidationException",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted({type(first) for _, first, _ in CASES}, key=lambda kind: kind.__name__))
def test_no_kind_repeats_a_code_that_mistakes_have_without_its_words(kind):
    assert GENERAL & set(kind.eventual_errors) == set()
