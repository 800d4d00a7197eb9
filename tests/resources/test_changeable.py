"""Every field that AWS lets a person change on a thing of ours is compared, or named with the reason why not.

What AWS lets change is derived from botocore's models; see ``tests/support/changeable.py``.
"""

import importlib
import json
import os
import re
from pathlib import Path

import pytest

from tests.resources.test_contract import CASES, ELSEWHERE
from tests.support.changeable import table

ROOT = Path(__file__).parents[2]
LAYERS = [
    importlib.import_module(f"tests.resources.cases_{layer}") for layer in ("network", "data", "compute", "deploy")
]
BY_HAND = {kind: changed for layer in LAYERS for kind, changed in layer.BY_HAND.items()}
KINDS = json.loads((ROOT / "tests" / "golden" / "kinds.json").read_text(encoding="utf-8"))
BEGIN, END = "<!-- kinds -->\n", "\n<!-- end of kinds -->"


def test_every_kind_that_is_changed_here_has_an_entry():
    ours = {type(first) for _, first, _ in CASES if not first.external}
    assert {kind.__name__ for kind in ours - set(BY_HAND)} == set()
    assert {kind.__name__ for kind in set(BY_HAND) - ours - ELSEWHERE} <= {"MasterUserSecret"}


@pytest.mark.parametrize(("kind", "changed"), BY_HAND.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_nothing_that_a_person_can_change_is_forgotten(kind, changed):
    assert changed.forgotten() == {}
    assert changed.unknown() == set(), "no call of AWS sets it: a new version of the model, or misspelt"
    assert all(len(reason) > 5 for reason in changed.left)


@pytest.mark.parametrize(("kind", "changed"), BY_HAND.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_called_compared_is_a_field_of_the_kind(kind, changed):
    """Only the lock on objects is a field where the parameters ask for it."""
    fields = {field for case in KINDS.get(kind.__name__, {}).values() for field in case["desired"]}
    assert set(changed.compared) - fields <= {"object_lock"}


def test_the_page_has_this_table():
    page = ROOT / "docs" / "drift.md"
    text = page.read_text(encoding="utf-8")
    wanted = re.sub(rf"(?s){BEGIN}.*{END}", lambda _: f"{BEGIN}{table(BY_HAND)}{END}", text)
    if os.environ.get("GOLDEN") == "write":
        page.write_text(wanted, encoding="utf-8")
    assert text == wanted, "GOLDEN=write writes it"
