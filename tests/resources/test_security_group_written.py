"""What is sent to EC2 for a security group."""

import pytest

from runbook_lib.resources.base import Observed
from runbook_lib.resources.security_group import describe_permissions
from tests.resources.cases_network import web
from tests.resources.test_security_group_described import TO_BOTH, TO_GROUP, TO_NET, WORLD, sent, tags


def test_a_group_is_created_with_its_tags():
    spec = [{"ResourceType": "security-group", "Tags": tags("security_group.web")}]
    request = {
        "GroupName": "test-web", "Description": "Web servers", "VpcId": "vpc-1", "TagSpecifications": spec,
    }  # fmt: skip
    assert sent(web.create) == [("create_security_group", request)]


def observed(*egress, strangers=()):
    detail = {"_strangers": list(strangers), "_egress": list(egress)}
    return Observed("sg-1", {"egress": describe_permissions(egress)}, detail=detail)


def revoke(direction, **what):
    return f"revoke_security_group_{direction}", {"GroupId": "sg-1", **what}


ALLOW_ALL = ("authorize_security_group_egress", {"GroupId": "sg-1", "IpPermissions": [WORLD]})


@pytest.mark.parametrize(
    ("drift", "egress", "calls"),
    [
        (set(), [TO_NET], []),
        ({"strangers"}, [TO_NET], [revoke("ingress", SecurityGroupRuleIds=["sgr-8", "sgr-9"])]),
        ({"egress"}, [], [ALLOW_ALL]),
        ({"egress"}, [TO_NET], [revoke("egress", IpPermissions=[TO_NET]), ALLOW_ALL]),
        ({"egress"}, [WORLD, TO_NET, TO_GROUP], [revoke("egress", IpPermissions=[TO_NET, TO_GROUP])]),
        ({"egress"}, [TO_BOTH], [revoke("egress", IpPermissions=[TO_BOTH])]),
        (
            {"strangers", "egress"},
            [TO_NET],
            [
                revoke("ingress", SecurityGroupRuleIds=["sgr-8", "sgr-9"]),
                revoke("egress", IpPermissions=[TO_NET]),
                ALLOW_ALL,
            ],
        ),
    ],
)
def test_only_what_drifts_is_put_right(drift, egress, calls):
    """What is not ours is revoked; all egress is allowed unless it is allowed already."""
    assert sent(web.update, observed(*egress, strangers=["sgr-8", "sgr-9"]), frozenset(drift)) == calls


@pytest.mark.parametrize(
    ("seen", "before"),
    [
        (observed(WORLD, TO_NET), []),
        (observed(WORLD, strangers=["sgr-8"]), [revoke("ingress", SecurityGroupRuleIds=["sgr-8"])]),
        (observed(WORLD, TO_GROUP), [revoke("egress", IpPermissions=[TO_GROUP])]),
        (observed(TO_NET | {"UserIdGroupPairs": []}), []),
    ],
)
def test_a_group_is_deleted_after_the_rules_that_would_keep_it(seen, before):
    """Rules of ours are gone by then; one that names another group keeps both, whoever has added it."""
    assert sent(web.delete, seen) == [*before, ("delete_security_group", {"GroupId": "sg-1"})]
