"""The library finds a real database as it wants it: the runbook's own stacks settle, and nothing is left to do."""

from pathlib import Path

import pytest

from runbook_lib.aws import Aws
from runbook_lib.engine import Engine
from runbook_lib.journal import Journal
from runbook_lib.params import load
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network
from tests.local.databases.rehearsal import PATIENCE
from tests.local.server import eventually

PARAMS = load(Path(__file__).resolve().parents[3] / "params" / "local.yaml")


@pytest.fixture
def engine(rehearsal, tmp_path):
    """What notebooks work with."""
    door = Aws(env="local", region="us-west-2", account=PARAMS.account, connection=rehearsal.aws.connection)
    return Engine(door, Journal(tmp_path / "journal.jsonl"))


def test_the_data_stack_settles(rehearsal, engine):
    """With its own parameter group; a second look finds neither another port nor anything else to change."""
    stack = data(PARAMS)
    for wanted in (network(PARAMS), stack):
        engine.apply(wanted)
        engine.settle(wanted, engine.survey(wanted, afresh=True))
    assert engine.plan(stack, afresh=True).todo == ()
    name = "local-database"
    assert rehearsal.run("SELECT @@slow_query_log, @@require_secure_transport", name)[0][0] == 1
    engine.destroy(stack)
    eventually(lambda: not rehearsal.servers() and not rehearsal.files(), PATIENCE)
