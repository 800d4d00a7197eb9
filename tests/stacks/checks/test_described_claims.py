"""Which claims belong to which notebook, how they read, and what becomes of what they find."""

import pytest

from runbook_lib.stacks.checks import claims as module
from runbook_lib.stacks.checks.check import EXCEPTION, FAIL, PASS, Finding
from runbook_lib.stacks.checks.claims import claims
from runbook_lib.stacks.environment import stacks
from tests.stacks.checks.described_site import Site

OWN = {
    "1": "One VPC has at least two public and two private subnets, each kind in at least two zones",
    "2": "The database is in private subnets only and not publicly accessible",
    "3": "Web servers are in at least two zones, in private subnets only, without a public address",
    "4": "The database's port is reachable from the web servers and from nowhere else",
    "5": "Private subnets reach the internet through a NAT gateway in a public subnet",
    "6": "The load balancer is the only way in from the internet, apart from the bastion's SSH",
    "7": "HTTPS only: HTTP redirects, and policy and certificate are current",
    "8": "Losing a zone leaves a serving instance, the promised way out, and with Multi-AZ the database",
    "9": "A new instance gets the current revision",
    "10": "A push can deploy, from the repository and the environments named only",
    "11": "The bastion reaches the web servers, not the database, and is reachable from admin_cidrs only",
}
NO_NAT = {"5": "Nothing leads from private subnets to the internet; endpoints reach the services that servers need"}
NO_SSH = {
    "6": "The load balancer is the only way in from the internet",
    "11": "The bastion reaches the web servers, not the database, and nothing reaches it",
}
NO_BASTION = {**NO_SSH, "11": "There is no bastion, and nothing reaches a web server by SSH"}
LAYERS = {"network": ["1", "5"], "data": ["2"], "compute": ["3", "6", "7"], "deploy": ["4", "8", "9", "10", "11"]}
OTHERS = {
    "network": ["No security group opens anything but ports 80 and 443 to the whole internet"],
    "deploy": ["Each zone has a server that the load balancer finds healthy"],
}


def shown(site):
    return {stack.name: [check.claim for check in claims(stack, site.params)] for stack in stacks(site.params)}


@pytest.mark.parametrize(
    ("values", "instead", "layers"),
    [
        ({}, {}, {}),
        ({"network_nat": "per_zone"}, {}, {}),
        ({"network_nat": "none"}, NO_NAT, {"network": ["1"], "deploy": ["5", "4", "8", "9", "10", "11"]}),
        ({"compute_bastion": "ssm"}, NO_SSH, {}),
        ({"compute_bastion": "instance_connect_endpoint"}, NO_SSH, {}),
        ({"compute_bastion": "none"}, NO_BASTION, {"compute": ["3", "7"], "deploy": ["6", "4", "8", "9", "10", "11"]}),
        ({"compute_bastion": "none", "network_nat": "none"}, NO_BASTION | NO_NAT,
         {"network": ["1"], "compute": ["3", "7"], "deploy": ["5", "6", "4", "8", "9", "10", "11"]}),
    ],
)  # fmt: skip
def test_the_claims_of_each_notebook(values, instead, layers):
    """What ends with the former parameters is true once the last notebook has removed it."""
    texts = OWN | instead
    assert shown(Site(**values)) == {
        layer: [f"{number}. {texts[number]}" for number in numbers] + OTHERS.get(layer, [])
        for layer, numbers in (LAYERS | layers).items()
    }


PROOFS = {
    "1": "one_vpc", "2": "private_database", "3": "private_servers", "4": "database_port", "5": "way_out",
    "6": "way_in", "7": "encrypted_only", "8": "loss_of_a_zone", "9": "current_revision", "10": "push_deploys",
    "11": "bastion",
}  # fmt: skip


def probes(site):
    return {
        check.claim.partition(".")[0]: check.probe
        for stack in stacks(site.params) for check in claims(stack, site.params) if check.claim[0].isdigit()
    }  # fmt: skip


def test_each_claim_is_proved_by_what_looks_at_it():
    """From the snapshot and the observed state that it is given, as the journal keeps it."""
    site = Site()
    snapshot = site.snapshot()
    for number, probe in probes(site).items():
        if number in ("7", "9"):  # of which nothing is described here
            continue
        finding = getattr(module, PROOFS[number])(site.account())
        expected = {"result": finding.result, "why": [*finding.why], "looked at": [*finding.looked_at]}
        assert probe(snapshot, site.observed) == (finding.result != "fail", expected), number
    site.see("load_balancer", None)
    site.see("deployment_group", None)
    for number in ("7", "9"):
        holds, found = probes(site)[number](site.snapshot(), site.observed)
        finding = getattr(module, PROOFS[number])(site.account())
        assert (holds, found["why"]) == (False, [*finding.why])


@pytest.mark.parametrize(("result", "holds"), [(PASS, True), (FAIL, False), (EXCEPTION, True)])
def test_an_exception_is_no_failure(monkeypatch, result, holds):
    monkeypatch.setitem(module._CLAIMS, "data", {"2. x": lambda account: Finding(result, ("i-1",), ("so",))})
    site = Site()
    (check,) = claims(stacks(site.params)[1], site.params)
    found = {"result": result, "why": ["so"], "looked at": ["i-1"]}
    assert check.probe(site.snapshot(), site.observed) == (holds, found)


def test_without_a_vpc_no_claim_about_it_holds():
    site = Site()
    site.vpcs = []
    lacking = {"result": "fail", "why": ["The environment has no VPC."], "looked at": []}
    for number in ("3", "4", "5", "6", "8", "11"):
        assert probes(site)[number](site.snapshot(), site.observed) == (False, lacking), number
