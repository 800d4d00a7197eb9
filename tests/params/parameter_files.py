"""Helpers: parameter files with mistakes, and the errors that loading them raises."""

from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.errors import ParamsError
from runbook_lib.params import load

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"
GOOD = (PARAMS / "local.yaml").read_text(encoding="utf-8")


def written(folder, *changes, name="local.yaml"):
    """Write the file of the local environment with changes: pairs of old and new text."""
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load_error(path, overrides=None):
    """The error that loading raises."""
    with pytest.raises(ParamsError) as caught:
        load(path, overrides)
    return caught.value


def problems(path, overrides=None):
    """The lines of the error, without the advice at the end."""
    return load_error(path, overrides).what.splitlines()


def at(path, text):
    """``file:line`` of the line with this text, as an editor opens it."""
    found = [n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in line]
    assert len(found) == 1, f"{text!r} is on lines {found}"
    return f"{path}:{found[0]}"
