"""Delayed state changes of instances: pending before running, shutting-down before terminated.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

import copy
from typing import Any

from moto.ec2.models.instances import Instance

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch

PENDING, SHUTTING_DOWN, TERMINATED = "pending", "shutting-down", "terminated"
CODES = {PENDING: 0, "running": 16, SHUTTING_DOWN: 32}


def tick() -> bool:
    """Complete the state changes whose delay is over; return whether any instance changed."""
    instances = [instance for ec2 in backends.existing("ec2") for instance in ec2.all_instances()]
    pending = [instance for instance in instances if instance.state == PENDING]
    shutting_down = [instance for instance in instances if instance.state == SHUTTING_DOWN]
    return pacing.finish(pending, PENDING, lambda instance: _set_state(instance, "running")) | pacing.finish(
        shutting_down, SHUTTING_DOWN, lambda instance: instance.terminate()
    )


@patch(Instance, "__init__")
def initialize(moto: Method, instance: Any, *args: Any, **params: Any) -> None:
    """Start a new instance as pending."""
    moto(instance, *args, **params)
    _begin_pending(instance)


@patch(Instance, "start")
def start(moto: Method, instance: Any) -> Any:
    """Start a stopped instance as pending; leave a running one as it is."""
    previous = moto(instance)
    if previous.name == "stopped":
        _begin_pending(instance)
    return previous


@patch(Instance, "terminate")
def terminate(moto: Method, instance: Any) -> Any:
    """Set an instance to shutting-down; its interfaces, addresses and volumes are deleted at the end of that state.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/how-ec2-instance-termination-works.html
    """
    if instance.state == TERMINATED or not pacing.delay_deletion(instance, SHUTTING_DOWN, "instance"):
        return moto(instance)
    previous = copy.copy(instance._state)
    _set_state(instance, SHUTTING_DOWN)
    return previous


def _begin_pending(instance: Any) -> None:
    if pacing.start(instance, PENDING, "instance"):
        _set_state(instance, PENDING)


def _set_state(instance: Any, state: str) -> None:
    instance._state.name, instance._state.code = state, CODES[state]
