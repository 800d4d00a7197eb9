"""Every kind keeps the same promises; a new kind adds one entry to its layer's CASES."""

import importlib
import inspect
import pkgutil

import pytest

import runbook_lib.resources
from runbook_lib.engine.plan import Action
from runbook_lib.resources.alias_record import AliasRecord
from runbook_lib.resources.application_secret import ApplicationSecret
from runbook_lib.resources.base import Resource
from runbook_lib.resources.master_secret_access import MasterSecretAccess
from runbook_lib.resources.master_user_secret import MasterUserSecret
from runbook_lib.resources.release import Release
from runbook_lib.resources.requested_certificate import RequestedCertificate
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.resources.route import Route
from runbook_lib.resources.route_table_association import RouteTableAssociation
from runbook_lib.resources.scaling_policy import ScalingPolicy
from runbook_lib.resources.scheduled_action import ScheduledAction
from runbook_lib.resources.security_group import IngressRule
from runbook_lib.resources.service_linked_role import ServiceLinkedRole
from runbook_lib.resources.stored_bundle import StoredBundle
from runbook_lib.resources.validation_record import ValidationRecord
from runbook_lib.resources.vpc_endpoint_route import VpcEndpointRoute
from runbook_lib.stacks.stack import Stack, in_order


def _cases():
    for layer in ("network", "data", "compute", "deploy"):
        found = importlib.import_module(f"tests.resources.cases_{layer}")
        yield from ((f"{layer}: {name}", first, later) for name, (first, later) in found.CASES.items())


CASES = list(_cases())
VARIANTS = {
    "network: bucket that stays", "network: bucket with a lock", "network: security group rule of a network",
    "network: key pair brought along", "data: db parameter group of many", "data: db instance, monitored",
    "compute: auto scaling group with a schedule", "compute: instance without a key", "deploy: release from github",
}  # fmt: skip
"""A kind's other forms."""
MADE = [
    pytest.param(first, later, id=name, marks=pytest.mark.exhaustive if name in VARIANTS else ())
    for name, first, later in CASES
    if not first.external
]
FOUND = [pytest.param(first, id=name) for name, first, _ in CASES if first.external]


@pytest.fixture(autouse=True)
def topic(request):
    """An alarm's topic is given: nobody here creates it."""
    if "alarm" in request.node.name:
        request.getfixturevalue("aws").client("sns").create_topic(Name="alerts")


def grounds(*resources):
    """All that they need; what two of them need differently, as the last one does."""
    needs = {r.key: r for one in resources for r in in_order([one]) if r not in resources and not r.external}
    return Stack("grounds", all=list(needs.values()))


def todo(plan):
    return [(c.key, c.action) for c in plan.todo]


# AWS has no tags for them, or nobody else's thing is to be tagged.
UNTAGGED = {
    AliasRecord, Release, RolePolicy, Route, RouteTableAssociation, ServiceLinkedRole, StoredBundle, ValidationRecord,
    VpcEndpointRoute, MasterSecretAccess, ScalingPolicy, ScheduledAction}  # fmt: skip

# They need a zone of Route 53's to be there first: see test_domain.py.
ELSEWHERE = {AliasRecord, ApplicationSecret, IngressRule, ValidationRecord}


def on_master(resource):
    """Whether it needs the master user's secret, which RDS makes with the database."""
    return any(isinstance(need, MasterUserSecret) for need in in_order([resource]))


def bring_about(engine, stack):
    """Apply, and wait; but for a certificate that is issued only once its validation record is there.

    The engine has looked when nothing is written any more, so that a plan after it needs no other look.
    """
    for part in (lambda r: not on_master(r), on_master):
        engine.apply(Stack("part", all=filter(part, stack)))
    settling = [r for r in stack if not isinstance(r, RequestedCertificate)]
    seen = engine.survey(stack, refresh=True)
    pending = [resource for resource in settling if seen[resource] and not seen[resource].ready]
    engine.wait_until_ready(settling, seen)
    if pending:
        engine.survey(stack, refresh=True)


@pytest.mark.parametrize(("first", "later"), MADE)
def test_a_kind_keeps_its_promises(engine, calls, first, later):
    """One life of a thing, from an empty account to an empty account."""
    planning_writes_nothing(engine, calls, first)
    ground, stack = grounds(first), Stack("s", it=first)
    bring_about(engine, ground)
    applying_leaves_nothing_to_do(engine, stack)
    relabel(engine, stack, first)
    if later:
        drift_is_seen_and_mended(engine, first, later)
        ground = grounds(later, first)
    destroying_leaves_nothing_behind(engine, ground, stack, first)


def planning_writes_nothing(engine, calls, first):
    """A plan on an empty account asks, and does nothing else; the thing is planned as new."""
    plan = engine.plan(Stack("s", it=first))
    assert first.implicit or first.external or todo(plan) == [(first.key, Action.CREATE)]
    engine.plan(Stack("s", it=first), present=False)
    assert [c.operation for c in calls if c.write] == []


def applying_leaves_nothing_to_do(engine, stack):
    """It is made once."""
    bring_about(engine, stack)
    assert engine.plan(stack).todo == ()
    assert engine.apply(stack).todo == ()


def relabel(engine, stack, first):
    """Other tags in the parameters are an update of what exists, and reach it; its other fields stay."""
    engine.aws._labels = {"owner": "another-team"}
    changes = engine.plan(stack, refresh=True).todo
    tagged = [] if first.implicit or type(first) in UNTAGGED else [first.key]
    assert [(c.key, dict(c.fields)) for c in changes] == [
        (key, {"tags": ({"owner": None}, {"owner": "another-team"})}) for key in tagged
    ]
    bring_about(engine, stack)
    assert engine.plan(stack).todo == ()


def drift_is_seen_and_mended(engine, first, later):
    """A changed wish shows as an update, and applying it settles it; also the way back."""
    bring_about(engine, grounds(later))
    for wish in (later, first):
        stack = Stack("s", it=wish)
        assert todo(engine.plan(stack, refresh=True)) == [(wish.key, Action.UPDATE)]
        bring_about(engine, stack)
        assert engine.plan(stack).todo == ()


def destroying_leaves_nothing_behind(engine, ground, stack, first):
    """Destroy removes the thing, and only once; then its grounds can go, too."""
    gone = [] if first.implicit or first.retain else [(first.key, Action.DELETE)]
    assert todo(engine.destroy(stack)) == gone
    assert engine.plan(stack, present=False, refresh=True).todo == ()
    engine.destroy(ground)
    assert engine.plan(ground, present=False, refresh=True).todo == ()


@pytest.mark.parametrize("first", FOUND)
def test_what_is_not_made_here_is_only_looked_for(engine, calls, first):
    """A plan on an empty account asks, and does nothing else."""
    planning_writes_nothing(engine, calls, first)


def test_every_kind_has_a_case():
    """One that is no variant."""
    modules = pkgutil.iter_modules(runbook_lib.resources.__path__, "runbook_lib.resources.")
    kinds = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if issubclass(kind, Resource) and not inspect.isabstract(kind) and kind.__module__ == module.name
    }
    assert kinds - {type(first) for name, first, _ in CASES if name not in VARIANTS} - ELSEWHERE == set()
    assert {name for name, _, _ in CASES} > VARIANTS
