"""Which lines the report of unreached lines looks at."""

import subprocess
import sys

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


SAMPLE = """
number = int(open("number.txt").read())
if number == 1:
    raise ValueError
if number == 2:
    print("two")
"""


def test_each_raise_and_each_yield_is_looked_at():
    assert sorted(lines_of(SOURCE)) == [(4, 4), (7, 7), (8, 8), (9, 9)]


@pytest.mark.parametrize(
    ("total", "sentence"),
    [
        (90.9, "branches."),
        (91.0, "branches. Write 91 into coverage_floor.txt."),
        (89.99, "branches. coverage_floor.txt says 90 %: "),
    ],
)
def test_a_floor_that_does_not_hold_or_can_be_raised_is_said(total, sentence):
    assert f"Covered: {total:.2f} % of statements and {sentence}" in unreached.judge(total, 90)


@pytest.mark.parametrize(("floor", "code"), [(50, 0), (101, 1)])
def test_below_the_floor_it_fails(tmp_path, monkeypatch, capsys, floor, code):
    """With what the processes of a run have written."""
    (tmp_path / "floor.txt").write_text(str(floor))
    (tmp_path / "sample.py").write_text(SAMPLE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unreached, "FLOOR", tmp_path / "floor.txt")
    monkeypatch.setattr(unreached, "FOLDER", tmp_path)
    for number in (0, 2):
        (tmp_path / "number.txt").write_text(str(number))
        command = [sys.executable, "-m", "slipcover", "--branch", "--json", "--out", f"{number}.json", "sample.py"]
        subprocess.run(command, cwd=tmp_path, check=True)
    assert unreached.main() == code
    told = capsys.readouterr().out
    assert "1 lines with" in told
    assert "sample.py:4: raise ValueError" in told
    assert "Covered: 77.78 % of statements and branches." in told
