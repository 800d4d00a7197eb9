"""What papermill handed to this notebook: the cell it puts after the parameters."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ...errors import ParamsError

NOTEBOOK = ("env", "mode", "approved", "confirm", "change", "asked_by")
"""What the ``parameters`` cell of every notebook declares."""

_HEAD = "# Parameters"
_WORDS: dict[type, str] = {int: "a number", float: "a number", bool: "true or false", type(None): "nothing"}


def injected_parameters() -> dict[str, Any]:
    """The values of papermill's cell, if the running notebook has one.

    https://papermill.readthedocs.io/en/latest/usage-parameterize.html
    """
    if "IPython" not in sys.modules:
        return {}
    from IPython import get_ipython

    shell = get_ipython()
    cells: list[str] = shell.user_ns.get("In", []) if shell else []
    given: dict[str, Any] = {}
    for cell in cells:
        if cell.partition("\n")[0] == _HEAD:
            given |= parse_assignments(cell)
    return given


def parse_assignments(cell: str) -> dict[str, Any]:
    """The literal values that a cell assigns to names.

    Raises:
        ParamsError: For a value that is no literal: papermill writes infinity as a call.
    """
    values = {}
    for line in ast.parse(cell).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            name = line.targets[0].id
            try:
                values[name] = ast.literal_eval(line.value)
            except ValueError:
                raise ParamsError(
                    f"{name} is {ast.unparse(line.value)}: papermill's -p took it for a number.",
                    fix=f"Give it with -r instead: papermill … -r {name} VALUE.",
                ) from None
    return values


def require_texts(**given: object) -> None:
    """Stop at a value of the notebook's own that is no text.

    Raises:
        ParamsError: Naming it: what became a number on its way is not what was typed, e.g. without its zeros.
    """
    for name, value in given.items():
        if not isinstance(value, str):
            raise ParamsError(
                f"{name} is {value!r}, {_WORDS.get(type(value), 'no text')}: papermill's -p, and YAML without quotes,"
                " read one in some texts.",
                fix=f"Give it with -r instead: papermill … -r {name} VALUE.",
            )


def split_parameters(given: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Those of the given values that belong to the environment's parameters.

    Args:
        fields: The names that ``params/<env>.yaml`` knows.

    Raises:
        ParamsError: For a name that nothing would listen to.
    """
    known = {*NOTEBOOK, *fields}
    unknown = sorted(set(given) - known)
    if unknown:
        told = [f"{name}: there is no such parameter{_nearest(name, known)}." for name in unknown]
        raise ParamsError("\n".join(told), fix="Remove or correct it: a value that would be ignored is an error.")
    return {name: value for name, value in given.items() if name in set(fields)}


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}" if near else f"; there are {', '.join(sorted(known))}"
