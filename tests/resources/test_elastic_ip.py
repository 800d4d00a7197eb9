"""An address is released when its NAT gateway is gone, which EC2 may hear of a little later."""

from runbook_lib.engine.plan import Action
from runbook_lib.resources.elastic_ip import ElasticIp
from runbook_lib.stacks.stack import Stack

STILL_MAPPED = {
    "service": "ec2",
    "operation": "ReleaseAddress",
    "kind": "refuse",
    "code": "AuthFailure",
    "message": "You do not have permission to access the specified resource.",
    "times": 1,
}


def test_an_address_that_is_still_mapped_is_released_later(engine, aws):
    """AuthFailure is not about the credentials here, and the destroy goes on."""
    stack = Stack("address", address=ElasticIp(name="nat-a"))
    engine.apply(stack)
    aws.control("faults", STILL_MAPPED)
    plan = engine.destroy(stack)
    assert [change.action for change in plan.todo] == [Action.DELETE]
    assert aws.client("ec2").describe_addresses()["Addresses"] == []
