"""AWS leaves fields out: of a thing that it deletes, and of other people's things in the region."""

from types import SimpleNamespace

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import RequestRejected
from runbook_lib.evidence.topology.discovery import _cidr, _service
from runbook_lib.resources import deployment_failure
from runbook_lib.resources.alias_record import AliasRecord
from runbook_lib.resources.certificate import find_arn
from runbook_lib.resources.configuration_parameter import ConfigurationParameter
from tests.resources.cases_compute import CASES as COMPUTE
from tests.resources.cases_data import CASES as DATA
from tests.resources.cases_deploy import CASES as DEPLOY


class Answers(Snapshot):
    """A snapshot whose answers are given, by operation."""

    def __init__(self, aws, **answers):
        super().__init__(aws)
        self.answers = answers

    def all(self, service, operation, result, **request):
        return self.answers.get(operation, [])

    def get(self, service, operation, **request):
        return self.answers.get(operation)


def test_a_cache_that_is_deleted_is_seen_as_deleting(door):
    """AWS shows it without members, node type and cluster mode: its own example of delete-replication-group."""
    cache = DATA["cache replication group"][0]
    group = {
        "ReplicationGroupId": door.name(cache), "ARN": "arn:aws:elasticache:us-west-2:1:replicationgroup:x",
        "Status": "deleting", "Description": "Sessions", "AutoMinorVersionUpgrade": True, "MultiAZ": "disabled",
        "AutomaticFailover": "disabled", "Engine": "valkey", "TransitEncryptionEnabled": True,
        "AtRestEncryptionEnabled": True, "PendingModifiedValues": {},
    }  # fmt: skip
    observed = cache.observe(Answers(door, describe_replication_groups=[group]), {})
    assert (observed.deleting, observed.ready, observed.status) == (True, False, "deleting")


GATEWAY = {"LoadBalancerArn": "arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/gwy/x/1", "Type": "gateway"}
"""A Gateway Load Balancer has no DNS name: AWS's example of create-load-balancer."""


def test_a_gateway_load_balancer_of_somebody_else_stops_no_alias(door):
    record = {"Name": "www.example.com.", "Type": "A", "AliasTarget": {"DNSName": "other.example.com."}}
    balancer, zone = COMPUTE["load balancer"][0], COMPUTE["hosted zone"][0]
    alias = AliasRecord(name="site", zone=zone, domain="www.example.com", balancer=balancer)
    snapshot = Answers(door, describe_load_balancers=[GATEWAY], list_resource_record_sets=[record])
    observed = alias.observe(snapshot, {zone: "Z1"})
    assert observed.state["balancer"] == "other.example.com."


def test_a_gateway_load_balancer_of_somebody_else_stops_no_configuration(door):
    parameter = DEPLOY["configuration parameter"][0]
    assert isinstance(parameter, ConfigurationParameter)
    site = parameter._site(Answers(door, describe_load_balancers=[GATEWAY]), "https://gone.example.com")
    assert site == {"domain": "", "balancer": "gone.example.com"}


@pytest.mark.parametrize(("key", "own"), [("requested_certificate.web", True), ("requested_certificate.other", False)])
def test_a_certificate_without_a_domain_is_told_by_its_tags(door, key, own):
    """ACM lists none while it creates a certificate, and of one that it cannot read."""
    tags = [{"Key": door.ENV, "Value": door.env}, {"Key": door.KEY, "Value": key}]
    snapshot = Answers(
        door,
        list_certificates=[{"CertificateArn": "arn:aws:acm:us-west-2:1:certificate/1"}],
        list_tags_for_certificate={"Tags": tags},
    )
    found = find_arn(snapshot, SimpleNamespace(key="requested_certificate.web", name="web"), "www.example.com")
    assert bool(found) is own


def test_a_failed_step_without_diagnostics_does_not_say_none():
    """The agent itself failed: there is no script and no code."""
    (line,) = deployment_failure._step("i-1", {"lifecycleEventName": "DownloadBundle", "status": "Failed"})
    assert line.startswith("DownloadBundle on i-1: failed, and CodeDeploy gives no reason")
    assert "None" not in line


def test_the_picture_has_what_other_people_put_into_the_vpc():
    """An endpoint to a resource has no service, a subnet for IPv6 alone no IPv4 range."""
    assert _service({"VpcEndpointType": "Resource"}) == "Resource"
    assert _service({"ServiceName": "com.amazonaws.us-west-2.s3", "VpcEndpointType": "Gateway"}) == "s3"
    ipv6 = {"Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2001:db8::/64"}]}
    assert _cidr(ipv6) == "2001:db8::/64"
    assert _cidr({"CidrBlock": "10.0.0.0/24", **ipv6}) == "10.0.0.0/24"


def test_an_address_that_is_not_there_yet_is_asked_for_again(door):
    """One answer calls the database available, and the next one has no endpoint: worth another try."""
    (wanted, _) = DEPLOY["configuration parameter"]
    aws = SimpleNamespace(
        rds=SimpleNamespace(describe_db_instances=lambda **_: {"DBInstances": [{}]}),
        elbv2=SimpleNamespace(describe_load_balancers=lambda **_: {"LoadBalancers": [{"DNSName": "web"}]}),
        aws_name=str,
    )
    with pytest.raises(RequestRejected) as raised:
        wanted.create(
            SimpleNamespace(**vars(aws), ssm=SimpleNamespace(put_parameter=None), tags=lambda resource: []), _AnyId()
        )
    assert raised.value.retryable


class _AnyId(dict):
    def __missing__(self, resource):
        return resource.key
