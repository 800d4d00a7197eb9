"""Embedded servers for tests: how to get one, a clean account on it, and clients for it.

A test asks for the fixture `aws` (one server per test process, an empty account per test):

    def test_something(aws):
        aws.client("ec2").describe_vpcs()
        aws.connection      # what a run gets: endpoint and credentials

Other folders import the fixtures in their conftest.py:

    from embedded_aws.testing import aws, aws_server  # noqa: F401

A test that needs a server of its own, to stop it or to kill it, writes

    with embedded(tmp_path) as aws: ...

A server takes about four seconds to start, `reset()` less than one: share the server.
Every server has its own temporary root, and ends with the test, also when it fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from embedded_aws.client import control, process
from embedded_aws.settings import REGION
from embedded_aws.state_folder import Address
from runbook_lib.aws.connection import Connection
from runbook_lib.aws.endpoints import connection


@dataclass
class LocalAws:
    """A running embedded AWS of a test."""

    root: Path
    connection: Connection
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> Address:
        """Its port and token."""
        address = process.find(self.root)
        assert address, "the embedded AWS of this test is not running"
        return address

    def client(self, service: str) -> Any:
        """A boto3 client that fails fast instead of retrying; the same one each time, for it is slow to create."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    def _new_client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.connection.endpoint_url,
            aws_access_key_id=self.connection.access_key,
            aws_secret_access_key=self.connection.secret_key,
            region_name=REGION,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def reset(self) -> None:
        """Empty the account, as if it were new."""
        self.control("reset")

    def control(self, name: str, payload: Any = None) -> Any:
        """Call the control API by POST."""
        return control.call(self.address, "POST", name, payload)


@contextmanager
def embedded(root: Path) -> Iterator[LocalAws]:
    """Start an embedded AWS in this root, and end it afterwards."""
    try:
        local = connection("local", "embedded", root)
        assert local
        yield LocalAws(root, local)
    finally:
        process.stop(root)


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """The one server of this test process; its account is as the last test left it."""
    with embedded(tmp_path_factory.mktemp("embedded-aws")) as server:
        yield server


@pytest.fixture
def aws(aws_server: LocalAws) -> LocalAws:
    """An empty account."""
    aws_server.reset()
    return aws_server


def eventually(check: Callable[[], Any], within: float = 30.0) -> Any:
    """Return the value of `check` as soon as it is true; fail with its last value after `within` seconds."""
    deadline = time.monotonic() + within
    while not (value := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert value, f"still {value!r} after {within} s"
    return value
