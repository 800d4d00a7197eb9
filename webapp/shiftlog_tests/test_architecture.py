"""How the modules of the sample depend on each other."""

import grimp
import pytest

from .world import WEBAPP


def test_it_has_no_import_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts for the runbook's distributions are in pyproject.toml; this one is deployed, not installed."""
    monkeypatch.syspath_prepend(WEBAPP)
    graph = grimp.build_graph("shiftlog", cache_dir=None)
    assert len(graph.modules) > 10
    assert graph.nominate_cycle_breakers("shiftlog") == set()
