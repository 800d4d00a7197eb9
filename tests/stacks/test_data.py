"""What the data stack wants, from parameters alone."""

from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.params import load
from runbook_lib.params.model import Sessions
from runbook_lib.resources.base import referenced_resources
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


def params(env="local", **changed):
    """The environment's own, but for fields of `data`, or of a section given as a dict."""
    found = load(PARAMS / f"{env}.yaml")
    sections = {name: value for name, value in changed.items() if isinstance(value, dict)}
    sections["data"] = {name: value for name, value in changed.items() if name not in sections}
    changes = {name: getattr(found, name).model_copy(update=fields) for name, fields in sections.items()}
    return found.model_copy(update=changes)


def database(stack):
    return stack["db_instance.database"]


def parameters(stack):
    return dict(stack["db_parameter_group.mysql"].parameters)


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_it_stands_on_the_network_and_on_itself(env):
    """Everything it needs is part of it, or of the network: nothing is made on the side."""
    stack = data(params(env))
    known = {r.key for r in (*stack, *network(params(env)))}
    assert {need.key for r in stack for need in referenced_resources(r.dependencies)} <= known
    assert list(stack.parts) == ["subnet_group", "parameter_group", "logs", "monitoring", "database", "cache"]


def test_it_spreads_over_all_private_subnets_and_no_other():
    zone = {"us-west-2c": {"public": "10.20.32.0/20", "private": "10.20.160.0/20"}}
    two = load(PARAMS / "local.yaml")
    raw = two.model_dump(mode="json")
    raw["network"]["zones"] |= zone
    three = type(two).model_validate(raw)

    def subnets(wanted):
        return {s.name for s in data(wanted)["db_subnet_group.private"].subnets}

    assert subnets(two) == {"private-us-west-2a", "private-us-west-2b"}
    assert subnets(three) == subnets(two) | {"private-us-west-2c"}
    assert {r.key for r in data(two)} == {r.key for r in data(three)}


def test_only_the_databases_own_security_group_lets_anything_in():
    assert database(data(params())).security_group.key == "security_group.db"


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_tls_and_four_byte_characters_are_required_everywhere(env):
    found = parameters(data(params(env)))
    assert found["require_secure_transport"] == "1"
    assert found["character_set_server"] == "utf8mb4"


def test_a_new_database_need_not_wait_for_its_parameters():
    """AWS asks to wait five minutes where a parameter matters when the database is created: those are the defaults.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html
    https://dev.mysql.com/doc/refman/8.4/en/charset-server.html
    """
    found = parameters(data(params(log_exports=("error", "slowquery", "general"))))
    defaults = {"character_set_server": "utf8mb4", "collation_server": "utf8mb4_0900_ai_ci"}
    assert {name: found.pop(name) for name in defaults} == defaults
    assert set(found) == {"require_secure_transport", "slow_query_log", "general_log", "log_output"}  # at any time


@pytest.mark.parametrize(
    ("exports", "written"),
    [
        ((), set()),
        (("error",), set()),
        (("slowquery",), {("slow_query_log", "1"), ("log_output", "FILE")}),
        (("error", "general"), {("general_log", "1"), ("log_output", "FILE")}),
    ],
)
def test_an_exported_log_is_written_and_kept_as_long_as_wanted(exports, written):
    stack = data(params(log_exports=exports, log_days=14))
    assert {(name, value) for name, value in parameters(stack).items() if "log" in name} == written
    assert {(group.path, group.days) for group in stack.logs} == {
        (f"/aws/rds/instance/local-database/{log}", 14) for log in exports
    }
    assert database(stack).desired({})["log_exports"] == set(exports)


def test_monitoring_has_a_role_only_when_it_is_on():
    on, off = data(params(monitoring_seconds=30)), data(params(monitoring_seconds=0))
    assert [role.key for role in on.monitoring] == ["role.monitoring"]
    assert database(on).monitoring_role == on["role.monitoring"]
    assert list(off.monitoring) == []
    assert (database(off).monitoring_role, database(off).monitoring_seconds) == (None, 0)


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_sessions_in_cookies_need_no_cache(env):
    assert list(data(params(env)).cache) == []


def test_sessions_in_elasticache_are_in_the_private_subnets_behind_a_group_of_their_own():
    """It stands on the network, and changes nothing of the database's."""
    wanted = params(sessions=Sessions(store="elasticache", node_type="cache.m7g.large", replicas=2))
    role, places, sessions = (with_cache := data(wanted)).cache
    assert {r.key for r in with_cache} - {r.key for r in data(params())} == {role.key, places.key, sessions.key}
    known = {r.key for r in (*with_cache, *network(wanted))}
    assert {need.key for r in with_cache for need in referenced_resources(r.dependencies)} <= known
    assert {s.name for s in places.subnets} == {"private-us-west-2a", "private-us-west-2b"}
    assert (sessions.subnet_group, sessions.security_group.key) == (places, "security_group.cache")
    assert (sessions.node_type, sessions.replicas) == ("cache.m7g.large", 2)


@pytest.mark.parametrize("upgrades", [True, False])
def test_who_wants_no_minor_upgrades_gets_none(upgrades):
    """Neither of the database nor of the cache."""
    stack = data(params(minor_upgrades=upgrades, sessions=Sessions(store="elasticache")))
    assert [r.minor_upgrades for r in (database(stack), stack["cache_replication_group.sessions"])] == [upgrades] * 2


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize("snapshot", [True, False])
def test_guards_are_the_parameters_own(protected, snapshot):
    found = database(data(params(guards={"deletion_protection": protected, "final_snapshot": snapshot})))
    assert bool(found.prevent_destroy) is protected
    assert found.final_snapshot is snapshot


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("engine_version", "8.4.7"),
        ("instance_class", "db.m7g.large"),
        ("storage_gb", 200),
        ("multi_az", True),
        ("backup_days", 21),
        ("backup_window", "01:00-01:30"),
        ("maintenance_window", "tue:03:00-tue:03:30"),
        ("minor_upgrades", False),
        ("monitoring_seconds", 15),
    ],
)
def test_a_parameter_reaches_the_database(field, value):
    assert database(data(params(**{field: value}))).desired({})[field] == value
    assert database(data(params())).desired({})[field] != value


def test_production_stands_in_two_zones_and_cannot_be_destroyed():
    found = database(data(params("prod")))
    assert found.multi_az
    assert found.prevent_destroy
    assert found.final_snapshot
    assert found.backup_days >= 7
