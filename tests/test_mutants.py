"""The sample of wrong lines: when it fails, and that its list of exceptions is about lines that exist."""

from pathlib import Path

import pytest
import yaml

import runbook_lib
from tests.mutants import __main__ as command
from tests.mutants.operators import mutants_of
from tests.mutants.runner import KILLED, SURVIVED, TIMED_OUT

PACKAGE = Path(runbook_lib.__file__).parent
SOURCE = "def larger(a, b):\n    return a if a > b else b\n"


def results(file, noticed, survived, outcome=KILLED):
    """As many mutants of a file, with their outcomes."""
    mutant = mutants_of(file, SOURCE)[0]
    return [command.Result(mutant, each, 1) for each in [outcome] * noticed + [SURVIVED] * survived]


@pytest.mark.parametrize(
    ("of_lock", "of_others", "code"),
    [
        ((95, 5), (100, 0), 0), ((94, 6), (100, 0), 1), ((0, 0), (92, 8), 0), ((0, 0), (91, 9), 1),
        ((20, 0), (71, 9), 1), ((1, 1), (98, 0), 1), ((0, 0), (0, 0), 0),
    ],
)  # fmt: skip
def test_below_a_floor_it_fails(of_lock, of_others, code):
    """95 % in each of the parts that decide, 92 % over all."""
    sample = results("runs/lock.py", *of_lock) + results("engine/engine.py", *of_others, outcome=TIMED_OUT)
    assert command._report(sample, check=True) == code
    assert command._report(sample, check=False) == 0


def test_the_survivors_are_printed(capsys):
    command._report(results("runs/lock.py", 3, 1), check=True)
    out = capsys.readouterr().out
    assert "lock                                        3 of    4   75.0%" in out
    assert "No test notices:\n  runs/lock.py:2 [" in out


def test_the_command_returns_what_the_floors_say(monkeypatch, tmp_path):
    """A sample of one; its outcome is given."""
    (tmp_path / "measured.json").write_text("{}")
    monkeypatch.setattr(command, "_copy_project", lambda target: PACKAGE.parent)
    monkeypatch.setattr(command, "_sample", lambda *_: mutants_of("runs/lock.py", SOURCE)[:1])
    for outcome, code in ((KILLED, 0), (SURVIVED, 1)):
        given = [command.Result(mutants_of("runs/lock.py", SOURCE)[0], outcome, 1)]
        monkeypatch.setattr(command, "_run_all", lambda *a, given=given: given)
        for words, expected in (([], code), (["--only", "runs/lock.py"], 0)):
            line = ["tests.mutants", "--sample", "1", "--coverage", str(tmp_path), *words]
            monkeypatch.setattr("sys.argv", line)
            assert command.main() == expected


def test_the_same_seed_draws_the_same_sample():
    draw = lambda seed: command._sample(PACKAGE.parent, ["runs/lock.py"], seed, 5)  # noqa: E731
    assert draw("1") == draw("1") != draw("2")
    assert len(draw("1")) == 5


def test_every_place_exists():
    """A file that was renamed would leave the sample."""
    places = [place for group in command.GROUPS.values() for place in group] + [*command.OTHERS]
    assert [place for place in places if not (PACKAGE / place).exists()] == []


def test_each_equivalent_mutant_exists_and_has_a_reason():
    equivalents = yaml.safe_load(command.EQUIVALENT.read_text(encoding="utf-8"))
    sources = {one["file"]: (PACKAGE / one["file"]).read_text(encoding="utf-8") for one in equivalents}
    keys = {mutant.key for file, source in sources.items() for mutant in mutants_of(file, source)}
    assert [one for one in equivalents if (one["file"], one["line"], one["old"], one["new"]) not in keys] == []
    assert all(len(one["reason"]) > 20 for one in equivalents)
