"""What lives in a zone of Route 53's keeps the contract too, and proves the domain to ACM."""

import pytest

from runbook_lib.errors import NotOwned
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
@pytest.mark.parametrize(
    "promise", [contract.test_applying_leaves_nothing_to_do, contract.test_destroying_leaves_nothing_behind]
)
def test_a_record_keeps_the_contract(request, engine, promise, name):
    promise(engine, request.getfixturevalue(name))


@pytest.mark.parametrize("name", ["proof", "alias"])
def test_planning_a_record_writes_nothing(request, engine, calls, name):
    contract.test_planning_writes_nothing(engine, calls, request.getfixturevalue(name))


def test_the_record_gets_the_certificate_issued(engine, proof):
    """A listener can wait for it; and it stays issued when everything else is destroyed."""
    stack = Stack("s", certificate=(proof.certificate, proof))
    engine.apply(stack)
    seen = engine.survey(stack, refresh=True)
    engine.wait_until_ready(stack, seen)
    assert (seen[proof.certificate].ready, seen[proof.certificate].status) == (True, "issued")
    engine.destroy(stack)
    assert [r.key for r, found in engine.survey(stack, refresh=True).items() if found] == ["hosted_zone.web"]


def test_an_alias_that_somebody_pointed_elsewhere_is_mended_but_never_removed(engine, aws, alias):
    """It shows as a change, apply brings it back; a destroy refuses to take what is not ours."""
    stack = Stack("s", alias=alias)
    contract.bring_about(engine, contract.grounds(alias))
    contract.bring_about(engine, stack)
    elsewhere = {"Name": DOMAIN, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": elsewhere}]}
    aws.client("route53").change_resource_record_sets(HostedZoneId=alias.zone.known_as, ChangeBatch=change)
    (found,) = engine.plan(stack, refresh=True).todo
    assert found.fields == {"balancer": ("192.0.2.1", "load_balancer.web")}
    with pytest.raises(NotOwned, match=r"points to 192\.0\.2\.1"):
        engine.destroy(stack)
    contract.bring_about(engine, stack)
    assert engine.plan(stack, refresh=True).todo == ()
