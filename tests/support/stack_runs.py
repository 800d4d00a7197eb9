"""Runs of the real stacks against the embedded AWS, in a time that passes quickly."""

from __future__ import annotations

import hashlib
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.aws.client import Aws
from runbook_lib.aws.outages import Outage
from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.journal.journal import Journal
from runbook_lib.params import load
from runbook_lib.resources import role_details
from runbook_lib.stacks.application.bundle import Bundle
from runbook_lib.stacks.compute import compute
from runbook_lib.stacks.data import data
from runbook_lib.stacks.deploy import deploy
from runbook_lib.stacks.network import network
from tests.support.call_recorder import Killed, Wire

PARAMS = load(Path(runbook_lib.__file__).parents[1] / "params" / "local.yaml")


@contextmanager
def roles_one_by_one():
    """As for a caller who may not list all roles of the account with their policies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(role_details, "_all", lambda snapshot: [])
        yield


@dataclass
class Time:
    """Passes only while somebody sleeps, twice as fast as that somebody thinks; AWS does its part meanwhile."""

    at: float = 0.0
    factor: int = 2

    def sleep(self, seconds):
        self.at += self.factor * seconds
        time.sleep(0.01)

    @property
    def clock(self):
        return Clock(now=lambda: self.at, sleep=self.sleep)


@dataclass
class Runs:
    """An operator who starts again whatever was killed, each time with a new run."""

    aws: object
    folder: Path
    wire: Wire
    kills: int = 0
    number: object = field(default_factory=count)
    time: Time = field(default_factory=Time)
    _doors: dict = field(default_factory=dict)

    def engine(self, adopted=None, **more):
        door = Aws(
            env=PARAMS.env, region=PARAMS.region, account=PARAMS.account, labels=PARAMS.tags, adopted=adopted,
            connection=self.aws.connection, run=f"run-{next(self.number)}",
            outage=Outage(self.time.clock.now, self.time.sleep, answered=True),
        )  # fmt: skip
        self.wire.tap(door)
        door._service_clients = self._doors  # clients are slow to create
        return Engine(door, self.journal, clock=self.time.clock, **more)

    @property
    def journal(self):
        return Journal(self.folder / "journal.jsonl")

    def to_the_end(self, deed):
        while True:
            try:
                return deed(self.engine())
            except Killed:
                self.kills += 1

    def build(self, *stacks):
        for stack in stacks:
            self.to_the_end(lambda engine, stack=stack: engine.apply(stack))
            self.to_the_end(lambda engine, stack=stack: engine.wait_until_ready(stack, engine.survey(stack)))

    def remove(self, *stacks):
        for stack in reversed(stacks):
            self.to_the_end(lambda engine, stack=stack: engine.destroy(stack))

    def left_to_do(self, *stacks, present=True):
        return [change for stack in stacks for change in self.engine().plan(stack, present=present).todo]


def environment(params, folder):
    """The stacks of all four notebooks, with a bundle that holds next to nothing."""
    path = folder / "web.zip"
    path.write_bytes(b"PK\5\6" + bytes(18))
    bundle = Bundle(path, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, "0" * 64)
    return network(params), data(params), compute(params), deploy(params, bundle)


def lose_a_server(aws):
    """A web server is gone; Auto Scaling launches another after ``replace_the_server``."""
    autoscaling = aws.client("autoscaling")
    (group,) = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    autoscaling.suspend_processes(AutoScalingGroupName=group["AutoScalingGroupName"], ScalingProcesses=["Launch"])
    autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=group["Instances"][0]["InstanceId"], ShouldDecrementDesiredCapacity=False
    )


def replace_the_server(aws):
    autoscaling = aws.client("autoscaling")
    (group,) = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    autoscaling.resume_processes(AutoScalingGroupName=group["AutoScalingGroupName"])


def with_network(**changed):
    """The local parameters with other fields of the network; ``zones`` is what is added to the two."""
    raw = PARAMS.model_dump(mode="json")
    zones = {**raw["network"]["zones"], **changed.pop("zones", {})}
    raw["network"] |= {**changed, "zones": zones}
    return type(PARAMS).model_validate(raw)


def with_sessions(**changed):
    """The local parameters with sessions in ElastiCache."""
    raw = PARAMS.model_dump(mode="json")
    raw["data"]["sessions"] |= {"store": "elasticache", **changed}
    return type(PARAMS).model_validate(raw)


THIRD = {"us-west-2c": {"public": "10.20.32.0/20", "private": "10.20.160.0/20"}}
