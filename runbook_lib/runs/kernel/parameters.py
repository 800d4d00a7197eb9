"""Read the parameters that papermill injected into this notebook, in the cell it adds after the parameters cell."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ...errors import ParamsError
from .shell import find_shell

NOTEBOOK_PARAMETERS = ("env", "mode", "approved", "confirm", "change", "asked_by")
"""The parameters that the ``parameters`` cell of every notebook declares."""

_ONE_LINE = ("change", "asked_by")
_INJECTED_HEAD = "# Parameters"
_TYPE_NAMES: dict[type, str] = {int: "a number", float: "a number", bool: "true or false", type(None): "nothing"}


def injected_parameters() -> dict[str, Any]:
    """Return the values that papermill injected; empty when it did not run this notebook.

    https://papermill.readthedocs.io/en/latest/usage-parameterize.html
    """
    shell = find_shell()
    cells: list[str] = shell.user_ns.get("In", []) if shell else []
    values: dict[str, Any] = {}
    for cell in cells:
        if cell.partition("\n")[0] == _INJECTED_HEAD:
            values |= parse_assignments(cell)
    return values


def parse_assignments(cell: str) -> dict[str, Any]:
    """Return the literal values that a cell assigns to names.

    Raises:
        ParamsError: A value is not a literal; papermill writes infinity as a call.
    """
    values = {}
    for line in ast.parse(cell).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            name = line.targets[0].id
            try:
                values[name] = ast.literal_eval(line.value)
            except ValueError:
                raise ParamsError(
                    f"{name} is {ast.unparse(line.value)}: papermill's -p converted the text to a number.",
                    fix=f"Pass it with -r, which keeps the text: papermill … -r {name} VALUE.",
                ) from None
    return values


def require_texts(**values: object) -> None:
    """Check that the notebook's own parameters are texts, and that those for the evidence are one line.

    Raises:
        ParamsError: One is not a text: a number may have lost leading zeros of what was typed.  Or the change or who
            asked for it has line breaks or control characters, and would look like something else in the evidence.
    """
    for name, value in values.items():
        if not isinstance(value, str):
            raise ParamsError(
                f"{name} is {value!r}, {_TYPE_NAMES.get(type(value), 'not a text')}: papermill's -p, and YAML without"
                " quotes, convert some texts.",
                fix=f"Pass it with -r, which keeps the text: papermill … -r {name} VALUE.",
            )
        if name in _ONE_LINE and not value.isprintable():
            raise ParamsError(
                f"{name} is {value!a}, which has line breaks or control characters.",
                fix="Write one line of printable text: it is shown in the evidence.",
            )


def split_parameters(values: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return those of the values that belong to the environment's parameters, not to the notebook.

    Args:
        fields: The parameters of ``params/<env>.yaml``.

    Raises:
        ParamsError: A name is unknown.
    """
    known = {*NOTEBOOK_PARAMETERS, *fields}
    unknown = sorted(set(values) - known)
    if unknown:
        lines = [f"{name}: there is no such parameter{_suggestion(name, known)}." for name in unknown]
        raise ParamsError("\n".join(lines), fix="Remove or correct it; unknown parameters are not ignored.")
    return {name: value for name, value in values.items() if name in set(fields)}


def _suggestion(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), 1)
    return f"; did you mean {matches[0]}" if matches else f"; there are {', '.join(sorted(known))}"
