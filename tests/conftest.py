"""What all tests share: an empty account on an embedded AWS, and an engine for it."""

import io
import sys
from types import SimpleNamespace

import pytest

from embedded_aws.testing import aws, aws_server  # noqa: F401
from runbook_lib.aws.client import Aws
from runbook_lib.engine.engine import Engine
from runbook_lib.journal.journal import Journal
from tests.support import quick_accounts  # noqa: F401
from tests.support.sign_in import sts  # noqa: F401

ACCOUNT = "123456789012"
LONGEST = (
    "notebooks/test_scenario", "notebooks/test_applications", "resources/test_contract", "hosts/test_procfile",
    "runs/test_finish", "runs/test_runner", "servers/mysql/test_servers", "hosts/test_fleet", "mysql/test_life",
    "engine/test_teardown", "notebooks/test_without_a_database", "engine/test_kill", "stacks/test_switches",
    "stacks/test_github_policy", "runs/test_unsaved", "runs/test_orphans", "test_recorded_permissions",
    "shiftlog_tests/test_pages", "shiftlog_tests/test_database", "test_installed",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """What takes longest begins first, so that no worker has one left when the others are done."""
    known = [*LONGEST, ""]  # anything else comes last
    places = {item.path: next(n for n, name in enumerate(known) if name in str(item.path)) for item in items}
    items.sort(key=lambda item: places[item.path])


@pytest.fixture(autouse=True, scope="session")
def utf_8():
    """The library says which encoding a file has: on Windows, and with LANG=C, the default is another one."""
    original = io.text_encoding

    def named(encoding, stacklevel=2):
        caller = sys._getframe(2).f_globals.get("__name__", "")
        assert encoding or not caller.startswith("runbook_lib"), f"{caller} does not name the encoding of a file"
        return original(encoding, stacklevel + 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "text_encoding", named)
        yield


@pytest.fixture
def calls():
    """What was recorded of the calls, one entry each."""
    return []


@pytest.fixture
def door(aws, calls):
    """The library's own door to the empty account."""

    def record(event, **data):
        calls.append(SimpleNamespace(event=event, **data))

    return Aws(env="test", region="us-west-2", account=ACCOUNT, connection=aws.connection, on_call=record)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


@pytest.fixture
def engine(door, journal):
    return Engine(door, journal)
