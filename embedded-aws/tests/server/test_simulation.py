"""The security groups decide whether hosts reach databases and caches."""

from types import SimpleNamespace

import pytest

from embedded_aws.account import backends
from embedded_aws.server import simulation
from embedded_aws.services.codedeploy.model import Deployment
from load_balancer.test_reachability import ANYTHING, rule

SUBNETS = {"subnet-1": SimpleNamespace(cidr_block="10.0.2.0/24")}
GROUPS = {"private": SimpleNamespace(subnets=[{"subnet_identifier": "subnet-1"}])}
CACHE = SimpleNamespace(
    security_group_ids=["cache"], port=6379, region="us-west-2", cache_subnet_group_name="private",
    arn="arn:aws:elasticache:us-west-2:123456789012:cluster:sessions",
)  # fmt: skip


@pytest.fixture
def reached(monkeypatch):
    """Whether a web server, whose own group lets it out as far as said, reaches a cache with these rules."""

    def ask(*ingress, egress=(ANYTHING,)):
        groups = {
            "web": SimpleNamespace(ingress_rules=[], egress_rules=list(egress)),
            "cache": SimpleNamespace(ingress_rules=list(ingress), egress_rules=[]),
        }
        by_service = {
            "ec2": SimpleNamespace(get_security_group_from_id=groups.get, get_subnet=SUBNETS.get),
            "elasticache": SimpleNamespace(cache_subnet_groups=GROUPS),
        }
        server = SimpleNamespace(security_groups=[SimpleNamespace(id="web")], private_ip="10.0.1.7")
        monkeypatch.setattr(backends, "backend", lambda service, region="us-west-2": by_service[service])
        monkeypatch.setattr(simulation, "group_instances", lambda: {"i-1": server})
        return simulation.hosts_reach_cache(CACHE)

    return ask


def test_a_cache_is_reached_where_its_group_allows_it(reached):
    """On its own port only."""
    assert reached(rule("web", ports=(6379, 6379)))
    assert not reached(rule("web", ports=(6380, 6380)))
    assert not reached(rule("other", ports=(6379, 6379)))
    assert not reached()


def test_egress_rules_must_allow_the_subnets_of_a_cache(reached):
    there, elsewhere = (rule(block=block, protocol="-1") for block in ("10.0.2.0/24", "10.0.3.0/24"))
    assert reached(rule("web", ports=(6379, 6379)), egress=[there])
    assert not reached(rule("web", ports=(6379, 6379)), egress=[elsewhere])


def test_status_has_the_newest_deployment_of_each_existing_group(monkeypatch):

    def deployed(number, application, group):
        info = {"deploymentId": f"d-{number}", "applicationName": application, "deploymentGroupName": group}
        return Deployment(info | {"status": "Succeeded", "creator": "user"})

    made = [deployed(1, "app", "web"), deployed(2, "app", "web"), deployed(3, "app", "gone"), deployed(4, "old", "web")]
    backend = SimpleNamespace(
        deployments={one.deployment_id: one for one in made}, deployment_groups={"app": {"web": {}}}
    )
    monkeypatch.setattr(backends, "existing", lambda service: [backend])
    assert [(one["id"], one["group"]) for one in simulation._deployments()] == [("d-2", "app/web")]
