"""What lives in a zone of Route 53's keeps the contract too, and proves the domain to ACM."""

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.errors import Blocked, ParamsError, RequestRejected
from runbook_lib.resources.alias_record import AliasRecord
from runbook_lib.resources.hosted_zone import HostedZone
from runbook_lib.resources.requested_certificate import RequestedCertificate
from runbook_lib.resources.validation_record import ValidationRecord
from runbook_lib.stacks.stack import Stack
from tests.resources import test_contract as contract
from tests.resources.cases_compute import balancer

DOMAIN = "www.example.com"


@pytest.fixture
def zone(aws):
    made = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    return HostedZone(name="web", known_as=made["HostedZone"]["Id"].rpartition("/")[2])


@pytest.fixture
def proof(zone):
    return ValidationRecord(name="web", zone=zone, certificate=RequestedCertificate(name="web", domain=DOMAIN))


@pytest.fixture
def alias(zone):
    return AliasRecord(name="web", zone=zone, domain=DOMAIN, balancer=balancer())


@pytest.mark.parametrize("name", ["proof", "alias"])
def test_a_record_keeps_the_contract(request, engine, calls, name):
    contract.test_a_kind_keeps_its_promises(engine, calls, request.getfixturevalue(name), None)


def test_the_record_gets_the_certificate_issued(engine, proof):
    """A listener can wait for it; and it stays issued when everything else is destroyed."""
    stack = Stack("s", certificate=(proof.certificate, proof))
    engine.apply(stack)
    seen = engine.survey(stack, refresh=True)
    engine.wait_until_ready(stack, seen)
    assert (seen[proof.certificate].ready, seen[proof.certificate].status) == (True, "issued")
    engine.destroy(stack)
    assert [r.key for r, found in engine.survey(stack, refresh=True).items() if found] == ["hosted_zone.web"]


def point(aws, zone, **record_set):
    """Create or replace the record of the domain, as somebody else does."""
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {"Name": DOMAIN, "Type": "A", **record_set}}]}
    aws.client("route53").change_resource_record_sets(HostedZoneId=zone.known_as, ChangeBatch=change)


@pytest.fixture
def other_balancer(aws):
    """The name of a load balancer that is not ours."""
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    default = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    subnets = [subnet["SubnetId"] for subnet in default[:2]]
    (made,) = elb.create_load_balancer(Name="other", Subnets=subnets, Scheme="internal")["LoadBalancers"]
    return made["DNSName"]


@pytest.mark.parametrize("at", ["an address", "another load balancer", "nothing that is left"])
def test_a_record_of_somebody_else_is_never_taken_over(engine, aws, alias, at, request):
    """A plan refuses it, an apply does not change it, and a destroy leaves it: users may be on that site."""
    stack = Stack("s", alias=alias)
    contract.bring_about(engine, contract.grounds(alias))
    if at == "an address":
        point(aws, alias.zone, TTL=60, ResourceRecords=[{"Value": "192.0.2.1"}])
    else:
        ours_once = "test-web-4711.us-west-2.elb.amazonaws.com"
        target = request.getfixturevalue("other_balancer") if at == "another load balancer" else ours_once
        alias_target = {"HostedZoneId": "Z1H1FL5HABSF5", "DNSName": target, "EvaluateTargetHealth": False}
        point(aws, alias.zone, AliasTarget=alias_target)
    before = records(aws, alias)
    (blocked,) = engine.plan(stack).todo
    assert blocked.action is Action.BLOCKED
    with pytest.raises(Blocked, match=r"(?s)www\.example\.com points to .*, not to our load balancer.*delete it"):
        engine.apply(stack)
    (kept,) = engine.plan(stack, present=False).changes
    assert kept.reason.startswith("left, it is not ours: the record www.example.com points to ")
    engine.destroy(stack)
    assert records(aws, alias) == before


def records(aws, alias):
    return aws.client("route53").list_resource_record_sets(HostedZoneId=alias.zone.known_as)["ResourceRecordSets"]


def test_a_record_that_somebody_creates_at_the_same_moment_is_not_taken_over(engine, aws, door, alias):
    """Between the plan and the change: Route 53 itself rejects the second record of a name."""
    contract.bring_about(engine, contract.grounds(alias))
    ids = {r: seen.id for r, seen in engine.survey(Stack("s", alias=alias)).items() if seen}
    point(aws, alias.zone, TTL=60, ResourceRecords=[{"Value": "192.0.2.1"}])
    with pytest.raises(RequestRejected, match="already exists"):
        alias.create(door, ids)


def test_a_private_zone_is_refused(aws, engine, alias):
    """ACM never sees its records: the certificate would be waited for, for an hour."""
    vpc = aws.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = aws.client("route53").create_hosted_zone(
        Name="example.com", CallerReference="2", VPC={"VPCRegion": "us-west-2", "VPCId": vpc}
    )
    private = HostedZone(name="web", known_as=made["HostedZone"]["Id"].rpartition("/")[2])
    certificate = RequestedCertificate(name="web", domain=DOMAIN)
    for act in (engine.plan, engine.apply):
        with pytest.raises(
            ParamsError, match=r"(?s)is a private zone of example\.com.*compute\.certificate\.hosted_zone"
        ):
            act(
                Stack(
                    "s", certificate=(certificate, ValidationRecord(name="web", zone=private, certificate=certificate))
                )
            )
