"""What the network stack wants, from parameters alone; and how rules come and go in an account."""

from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.engine.plan import Action, count_text
from runbook_lib.evidence.report.inventory import build_inventory
from runbook_lib.params import Params, load
from runbook_lib.resources.base import referenced_resources
from runbook_lib.resources.security_group_rule import SecurityGroupRule
from runbook_lib.resources.subnet import Subnet
from runbook_lib.runs.kernel.tables import create_table
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.support.stack_runs import with_sessions

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


def params(env="local", **changed):
    """The environment's own, but for fields of its network."""
    raw = load(PARAMS / f"{env}.yaml").model_dump(mode="json")
    raw["network"] |= changed
    return Params.model_validate(raw)


def openings(stack):
    """Who may come in: group, port and source of each rule."""
    rules = stack.rules.every(SecurityGroupRule)
    return {(r.group.name, r.port, getattr(r.source, "name", r.source)) for r in rules}


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_nothing_is_open_that_the_picture_does_not_show(env):
    """The database hears the web servers on 3306 and nobody else; the world reaches 80 and 443 of the load balancer."""
    wanted = params(env)
    admins = {("bastion", 22, str(cidr)) for cidr in wanted.network.admin_cidrs}
    app = ("web", wanted.compute.app_port, "alb")
    assert openings(network(wanted)) == {
        ("alb", 80, "0.0.0.0/0"), ("alb", 443, "0.0.0.0/0"), *admins, app, ("web", 22, "bastion"), ("db", 3306, "web"),
    }  # fmt: skip


def test_a_cache_hears_the_web_servers_and_nobody_else():
    """On Valkey's own port; where sessions are in cookies, there is neither group nor rule."""
    without, with_cache = network(params()), network(with_sessions())
    assert openings(with_cache) - openings(without) == {("cache", 6379, "web")}
    new = {"security_group.cache", "security_group_rule.cache-valkey"}
    assert {r.key for r in with_cache} - {r.key for r in without} == new


@pytest.mark.parametrize(("nat", "ways"), [("single", 1), ("per_zone", 2)])
def test_every_private_subnet_has_its_way_out(nat, ways):
    """One NAT gateway for all, or one in each zone; each subnet follows exactly one table."""
    net = network(params(nat=nat))
    private = {s.name for s in net.subnets.every(Subnet) if s.name.startswith("private-")}
    followed = {r.subnet.name: r.table.name for r in net.private_routes if hasattr(r, "subnet")}
    assert followed.keys() == private
    assert len(set(followed.values())) == ways == len([r for r in net if r.key.startswith("nat_gateway.")])


def test_a_subnet_that_moves_to_another_table_finds_its_way_out_there():
    """From one NAT gateway to one in each zone: the route is there before the subnet follows its table."""
    keys = [r.key for r in network(params(nat="per_zone")).private_routes]
    routes = [keys.index(key) for key in keys if key.startswith("route.")]
    followed = [keys.index(key) for key in keys if key.startswith("route_table_association.")]
    assert max(routes) < min(followed)


@pytest.mark.parametrize("env", ["local", "prod"])
def test_no_subnet_gives_out_public_addresses(env):
    assert not any(s.public_ips for s in network(params(env)).every(Subnet))


def test_it_stands_on_itself():
    net = network(params())
    assert {need.key for r in net for need in referenced_resources(r.dependencies)} <= {r.key for r in net}


def test_a_network_that_may_no_longer_come_in_is_shut_out(engine):
    """An administrators' network that leaves the parameters is the removal of its rule; its neighbours stay open."""
    before = network(params(admin_cidrs=["203.0.113.0/24", "198.51.100.0/24"]))
    after = network(params(admin_cidrs=["203.0.113.0/24"]))
    ground = Stack("ground", all=[*before.vpc])
    engine.apply(ground)
    engine.apply(before.security_groups + before.rules)
    plan = engine.plan(after.security_groups + after.rules, refresh=True)
    (change,) = plan.todo
    assert (change.key, change.action) == ("security_group_rule.bastion-ssh-198.51.100.0/24", Action.DELETE)
    assert change.fields == {
        "group": ("security_group.bastion", None),
        "port": (22, None),
        "source": ("198.51.100.0/24", None),
        "description": ("SSH from administrators", None),
    }
    assert (plan.parts[change.key], count_text(plan)) == ("security_groups", "1 to delete, 10 unchanged")
    table = create_table(after.rules, engine.survey(after.rules))
    assert table.loc[change.key, ["status", "source"]].tolist() == ["no longer in the parameters", "198.51.100.0/24"]
    both = after.security_groups + after.rules
    listed = {row["key"]: row for row in build_inventory(both, engine.survey(both))}
    assert listed[change.key]["source"] == "198.51.100.0/24"
    approved = []
    engine.apply(after.security_groups + after.rules, require_approval=approved.append)
    assert {each.key for each in approved} == {change.key}
    assert engine.plan(after.security_groups + after.rules, refresh=True).todo == ()
    (shut,) = engine.plan(before.security_groups + before.rules, refresh=True).todo
    assert (shut.key, shut.action) == ("security_group_rule.bastion-ssh-198.51.100.0/24", Action.CREATE)
