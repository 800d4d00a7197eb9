"""What EC2 says to the first call of each create, and what a row makes of it."""

import pytest

from runbook_lib.aws.permissions import Permission
from runbook_lib.engine.plan import Action
from runbook_lib.engine.preflight.dry_runs import check_dry_runs
from runbook_lib.engine.preflight.row import FAILED, NOT_ASKED, PASSED
from runbook_lib.resources.base import kind
from runbook_lib.stacks.environment import whole
from runbook_lib.stacks.network import network
from tests.engine.preflight.answers import Answers, changes
from tests.support.fake_kinds import Thing
from tests.support.stack_runs import PARAMS

FIRST = "AllocateAddress, CreateInternetGateway, CreateVpc"
"""What a create asks EC2 first where nothing is there yet."""


def row(*, only_plans=False, action=Action.CREATE, resources=None, ids=None, **codes):
    account = Answers(**codes)
    resources = network(PARAMS) if resources is None else resources
    found = [*check_dry_runs(account, changes(resources, action), ids or {}, only_plans=only_plans)]
    return (found[0] if found else None), account


def test_what_would_be_done_is_told():
    found, account = row()
    assert (found.name, found.result, found.fix) == ("permissions of EC2", PASSED, "")
    assert found.finding == f"a dry run was allowed: {FIRST}"
    assert len(account.asked) == 3
    assert all(request["DryRun"] is True and "ClientToken" not in request for _, request in account.asked)


@pytest.mark.parametrize("only_plans", [True, False])
def test_one_refusal_among_others_fails_also_a_plan(only_plans):
    found, _ = row(only_plans=only_plans, create_vpc="UnauthorizedOperation")
    assert (found.result, found.finding) == (FAILED, "a dry run was refused: CreateVpc")
    assert "`runbook permissions` prints the policy" in found.fix


def test_who_may_nothing_may_plan_and_not_apply():
    codes = dict.fromkeys(("create_vpc", "allocate_address", "create_internet_gateway"), "UnauthorizedOperation")
    found, _ = row(only_plans=True, **codes)
    assert (found.result, found.finding) == (NOT_ASKED, "this caller may only look: who applies the plan is asked then")
    found, _ = row(**codes)
    assert (found.result, found.finding) == (FAILED, f"a dry run was refused: {FIRST}")


def test_other_answers_say_nothing_about_permissions():
    found, _ = row(create_vpc="Unavailable", allocate_address="Unavailable", create_internet_gateway="Blocked")
    told = "CreateInternetGateway: Blocked; AllocateAddress, CreateVpc: Unavailable"
    assert (found.result, found.finding) == (NOT_ASKED, told)
    found, _ = row(only_plans=True, create_vpc="Down", allocate_address="Down", create_internet_gateway="Down")
    assert (found.result, found.finding) == (NOT_ASKED, "AllocateAddress, CreateInternetGateway, CreateVpc: Down")
    found, _ = row(only_plans=True, create_vpc="Unavailable")
    told = "AllocateAddress, CreateInternetGateway; could not be asked: CreateVpc: Unavailable"
    assert (found.result, found.finding) == (PASSED, f"a dry run was allowed: {told}")
    found, _ = row(create_vpc="Unavailable", allocate_address="UnauthorizedOperation")
    told = "AllocateAddress; could not be asked: CreateVpc: Unavailable"
    assert (found.result, found.finding) == (FAILED, f"a dry run was refused: {told}")


def test_an_answer_to_a_dry_run_that_is_none_is_told():
    found, _ = row(create_vpc="")
    assert found.finding.endswith("could not be asked: CreateVpc: answered as if it were no dry run")


@pytest.mark.parametrize("action", [each for each in Action if each is not Action.CREATE])
def test_nothing_else_is_asked(action):
    found, account = row(action=action)
    assert (found, account.asked) == (None, [])


def test_one_of_each_kind_is_asked_where_its_dependencies_are_there():
    ids = {resource: f"id-{resource.key}" for resource in network(PARAMS)}
    found, account = row(ids=ids)
    asked = [operation for operation, _ in account.asked]
    assert asked.count("create_subnet") == asked.count("create_security_group") == 1
    assert "CreateNatGateway" in found.finding
    assert "CreateRouteTable" in found.finding


def test_other_services_have_no_dry_run():
    """Their creates begin with calls that would be carried out."""
    others = [each for each in whole(PARAMS) if type(each).__name__ in ("DbInstance", "LoadBalancer", "Role", "Bucket")]
    assert len(others) >= 4
    found, account = row(resources=others, ids={each: "x" for each in whole(PARAMS)})
    assert (found, account.asked) == (None, [])


@kind
class Nat(Thing):
    """Its create sends a token."""

    needs = (
        Permission(("plan", "apply"), ("ec2:DescribeNatGateways",)),
        Permission(("apply",), ("rds:Add", "ec2:Add")),
    )

    def create(self, aws, ids):
        aws.ec2.create_nat_gateway(SubnetId="subnet-1", ClientToken=aws.token(self))


@kind
class OnlyLooked(Nat):
    needs = (Permission(("plan",), ("ec2:DescribeNatGateways",)), Permission(("apply",), ("rds:Add",)))


def test_the_token_of_the_create_itself_is_not_sent():
    """With it, EC2 would take the create for the dry run that it has answered already."""
    found, account = row(resources=[Nat(name="a"), Nat(name="b")])
    assert account.asked == [("create_nat_gateway", {"SubnetId": "subnet-1", "DryRun": True})]
    assert found.finding == "a dry run was allowed: CreateNatGateway"


def test_a_kind_that_only_looks_at_ec2_is_not_asked_about():
    found, account = row(resources=[OnlyLooked(name="a")])
    assert (found, account.asked) == (None, [])
