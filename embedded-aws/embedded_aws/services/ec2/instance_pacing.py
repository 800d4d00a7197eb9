"""Instances at a pace: pending before they run, and shutting down before they are terminated.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

import copy
from typing import Any

from moto.ec2.models.instances import Instance

from embedded_aws import pacing
from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.services.ec2 import instances as _beneath  # noqa: F401 - what terminates at last

PENDING, SHUTTING_DOWN, TERMINATED = "pending", "shutting-down", "terminated"
CODES = {PENDING: 0, "running": 16, SHUTTING_DOWN: 32}


def tick() -> bool:
    """Have pending instances run, and those that shut down terminated, once their time is over."""
    found = [instance for ec2 in world.existing("ec2") for instance in ec2.all_instances()]
    starting = [instance for instance in found if instance.state == PENDING]
    leaving = [instance for instance in found if instance.state == SHUTTING_DOWN]
    return pacing.finish(starting, PENDING, lambda instance: _become(instance, "running")) | pacing.finish(
        leaving, SHUTTING_DOWN, lambda instance: instance.terminate()
    )


@patch(Instance, "__init__")
def made(moto: Method, instance: Any, *args: Any, **sent: Any) -> None:
    """Pending at first."""
    moto(instance, *args, **sent)
    _start(instance)


@patch(Instance, "start")
def start(moto: Method, instance: Any) -> Any:
    """A stopped instance is pending again; one that runs goes on to."""
    previous = moto(instance)
    if previous.name == "stopped":
        _start(instance)
    return previous


@patch(Instance, "terminate")
def terminate(moto: Method, instance: Any) -> Any:
    """Its interfaces, addresses and volumes leave with the end of shutting down.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/how-ec2-instance-termination-works.html
    """
    if instance.state == TERMINATED or not pacing.delay_deletion(instance, SHUTTING_DOWN, "instance"):
        return moto(instance)
    previous = copy.copy(instance._state)
    _become(instance, SHUTTING_DOWN)
    return previous


def _start(instance: Any) -> None:
    if pacing.start(instance, PENDING, "instance"):
        _become(instance, PENDING)


def _become(instance: Any, state: str) -> None:
    instance._state.name, instance._state.code = state, CODES[state]
