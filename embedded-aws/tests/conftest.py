"""Fixtures of all tests of the embedded AWS."""

import pytest
from click.testing import CliRunner

from embedded_aws.account import backends
from embedded_aws.client import control
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.testing import aws, aws_server  # noqa: F401
from services.auto_scaling_group import WebGroup
from services.network import Network
from tests.support import quick_accounts  # noqa: F401

backends.leave_out_images_for_ecs()  # as a server does, for moto in the tests' own process


@pytest.fixture
def runner():
    """Runs a command and returns its output; its errors are raised."""

    def run(command, arguments):
        return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False).output

    return run


@pytest.fixture
def registry(tmp_path):
    """A process registry, whose processes end with the test."""
    registry = ProcessRegistry(tmp_path / "processes.json")
    yield registry
    registry.end_all(seconds=0)
    assert registry.running() == []


class Faults:
    """Fault injection of the test's server."""

    def __init__(self, aws):
        self.aws, self.address = aws, aws.address

    def ask(self, method, name, payload=None):
        return control.call(self.address, method, name, payload)

    def add(self, what, kind, **more):
        """A rule such as ec2:Create*; its number."""
        service, _, operation = what.partition(":")
        (added,) = self.ask("POST", "faults", {"service": service, "operation": operation, "kind": kind, **more})[
            "faults"
        ]
        return added["number"]

    def counts(self):
        """Of each rule: how many calls it has matched, and how many of them it has hit."""
        return [(fault["seen"], fault["hit"]) for fault in self.ask("GET", "faults")["faults"]]


@pytest.fixture
def faults(aws):
    return Faults(aws)


@pytest.fixture
def day(aws):
    """Fault injection and outages, ended after the test."""
    day = Faults(aws)
    yield day
    day.ask("POST", "restore")


@pytest.fixture
def web(aws):
    """The dependencies of the Auto Scaling group `web`; `web.create()` creates the group."""
    return WebGroup(aws)


@pytest.fixture
def network(aws):
    """A VPC with two subnets, a security group and an internet gateway."""
    return Network(aws)
