"""What the tests of the machines stand on: a ledger whose processes are gone after each test."""

import pytest

from embedded_aws.process_registry import Ledger


@pytest.fixture
def ledger(tmp_path):
    """A ledger; whatever a test has started ends with it."""
    ledger = Ledger(tmp_path / "processes.json")
    yield ledger
    ledger.end_all(patience=0)
    assert ledger.running() == []
