"""Which lines the report of unreached lines looks at."""

from types import SimpleNamespace

import pytest

from tests import unreached
from tests.unreached import lines_of

SOURCE = """
def numbers(give):
    if not give:
        raise ValueError(
            "nothing to give",
        )
    yield 1
    got = yield 2
    yield from ()
    return [raised for raised in ()]
"""


def test_each_raise_and_each_yield_is_looked_at():
    assert sorted(lines_of(SOURCE)) == [(4, 4), (7, 7), (8, 8), (9, 9)]


@pytest.mark.parametrize(
    ("total", "advice"), [(90.9, []), (91.0, ["Covered: 91 %. Write 91 into floor.txt."]), (10.0, [])]
)
def test_a_floor_that_can_be_raised_is_said(tmp_path, monkeypatch, total, advice):
    """In whole percents, so that a line more or less does not matter."""
    floor = tmp_path / "floor.txt"
    floor.write_text("90\n")
    monkeypatch.setattr(unreached, "FLOOR", floor)
    assert unreached._advice(SimpleNamespace(report=lambda file: total)) == advice
