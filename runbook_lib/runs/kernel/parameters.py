"""Read the parameters that this notebook was given: by papermill, in the cell it adds, and in the parameters cell."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qs

from ...errors import ParamsError
from .shell import find_shell

NOTEBOOK_PARAMETERS = ("env", "mode", "approved", "confirm", "change", "asked_by", "skip_preflight")
"""The parameters that the ``parameters`` cell of every notebook declares."""

_ONE_LINE = ("change", "asked_by", "skip_preflight")
_LATER = ("skip_preflight",)
"""Parameters that copies of the notebooks from earlier versions do not have."""
GIVEN = "RUNBOOK_GIVEN"
"""Environment variable of a kernel under papermill's engine ``runbook``: what :func:`encode_given` returns."""

_INJECTED_HEAD = "# Parameters"
_OPEN_AGAIN = "Run the cell that opens the run, `Runbook(…)`, again."
_RESTORE_TAG = (
    "Give the cell that assigns the parameters the tag `parameters` (JupyterLab: Property Inspector, Cell Tags), and"
    " keep it above the cell that opens the run. By hand, delete the cell `# Parameters`."
)
_REPLACED_HEAD = "# Injected parameters"
"""How the cell begins that dagstermill puts in the place of the parameters cell.

https://github.com/dagster-io/dagster/blob/master/python_modules/libraries/dagstermill/dagstermill/translator.py
"""
PATHS = ("PAPERMILL_INPUT_PATH", "PAPERMILL_OUTPUT_PATH")
"""What papermill's ``--inject-paths`` adds: where the notebook came from, and goes to.

https://papermill.readthedocs.io/en/latest/usage-cli.html
"""
_PLOOMBER = ("product", "upstream")
"""What ploomber adds to the parameters of every notebook.

https://docs.ploomber.io/en/latest/user-guide/parametrized.html
"""
_CALL_PAPERMILL = (
    "Let a task of its own run it, as docs/orchestrators.md shows: papermill --engine runbook NOTEBOOK OUT -r mode MODE"
)
_TYPE_NAMES: dict[type, str] = {int: "a number", float: "a number", bool: "true or false", type(None): "nothing"}


def injected_parameters() -> dict[str, Any]:
    """Return the values that papermill injected; empty when it did not run this notebook.

    https://papermill.readthedocs.io/en/latest/usage-parameterize.html
    """
    values: dict[str, Any] = {}
    for cell in executed_cells():
        if is_injected(cell):
            values |= parse_assignments(cell)
    return values


def executed_cells() -> list[str]:
    """The sources of the cells that this kernel has executed, with the current one; empty outside a notebook."""
    shell = find_shell()
    return list(shell.user_ns.get("In", ())) if shell else []


def is_injected(cell: str) -> bool:
    """Whether papermill has added this cell."""
    return cell.partition("\n")[0] == _INJECTED_HEAD


def is_parameters_cell(cell: str) -> bool:
    """Whether a cell only assigns names, and one of them is a parameter of the notebook.

    The tag is not used: JupyterLab can remove it, and a kernel does not get it.
    """
    names = assigned_names(cell)
    return bool(set(names) & set(NOTEBOOK_PARAMETERS))


def last_parameters(cells: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """The last execution of the parameters cell, and papermill's cell where it was run after it.

    Args:
        cells: The number and the source of each executed cell, in order.
    """
    last: list[tuple[int, str]] = []
    for number, source in cells:
        if is_injected(source):
            last = [*(one for one in last if not is_injected(one[1])), (number, source)]
        elif is_parameters_cell(source):
            last = [(number, source)]
    return last


def assigned_names(cell: str) -> list[str]:
    """The names that a cell assigns; empty when the cell does anything else."""
    try:
        lines = ast.parse(cell).body
    except SyntaxError:
        return []
    names = [name for line in lines if (name := _assigned(line)[0])]
    return names if len(names) == len(lines) else []


def _assigned(line: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name that a statement assigns, also with a type, and its value; no name for any other statement."""
    match line:
        case (
            ast.Assign(targets=[ast.Name(id=name), *_], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            return name, value
    return "", None


def encode_given(values: Mapping[str, Any]) -> str:
    """The parameters that papermill was given, for :data:`GIVEN`: the values of the notebook's own, and all names."""
    return json.dumps({name: values[name] if name in NOTEBOOK_PARAMETERS else None for name in values}, default=str)


def require_given(used: Mapping[str, str], *, opened: int) -> None:
    """Check that a run uses the parameters that its notebook was given, before it acts.

    papermill puts its cell after the one with the tag ``parameters``, or first in the notebook when no cell has the
    tag: the defaults then come later and replace what was given.  A person may run the parameters cell again and not
    the cell that opens the run.  The kernel knows no other parameters that were given by hand.

    Args:
        used: The notebook's own parameters, as the run uses them.
        opened: The number of cells that had been executed when the run was opened.

    Raises:
        ParamsError: One was given another value, or was not received.
    """
    injected = injected_parameters()
    later = [cell for cell in executed_cells()[opened:] if is_parameters_cell(cell)]
    given: dict[str, Any] = json.loads(os.environ.get(GIVEN, "{}")) | injected
    others = _given_by_others()
    given |= others
    for cell in later:
        given |= _literals(cell)
    lost = [
        f"{name} was given as {given[name]!r}, and this run uses {used[name]!r}."
        for name in used
        if name in given and given[name] != used[name]
    ]
    unknown = {*given} - {*injected, *used} if not later else ()
    lost += [f"{name} was given, and this run did not receive it." for name in sorted(unknown)]
    if lost:
        raise ParamsError("\n".join(lost), fix=_OPEN_AGAIN if later else _CALL_PAPERMILL if others else _RESTORE_TAG)


def _given_by_others() -> dict[str, Any]:
    """What tools meant to pass that put it where no cell of the notebook looks: snakemake's rule, voila's address.

    https://snakemake.readthedocs.io/en/stable/snakefiles/rules.html#jupyter-notebook-integration
    https://voila.readthedocs.io/en/stable/customize.html#accessing-the-url-query-parameters
    """
    shell = find_shell()
    params = getattr(shell.user_ns.get("snakemake"), "params", None) if shell else None
    from_rule = dict(params.items()) if params is not None and hasattr(params, "items") else {}
    query = parse_qs(os.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    from_address = {name: texts[-1] for name, texts in query.items() if name in NOTEBOOK_PARAMETERS}
    return from_rule | from_address


def require_parameters_cell() -> None:
    """Check that a tool which injected parameters left the parameters cell, before its names are used.

    dagstermill puts its own cell there.  What it did not pass has no value then, and a default would be a guess.
    https://docs.dagster.io/api/libraries/dagstermill

    Raises:
        ParamsError: Some of the notebook's own parameters have no value.
    """
    shell = find_shell()
    heads = {cell.strip().partition("\n")[0] for cell in executed_cells()}
    required = [name for name in NOTEBOOK_PARAMETERS if name not in _LATER]
    missing = [name for name in required if shell and name not in shell.user_ns]
    if missing and heads & {_INJECTED_HEAD, _REPLACED_HEAD}:
        raise ParamsError(
            f"{', '.join(missing)}: not given, and the cell with their defaults was replaced, as dagstermill does.",
            fix=_CALL_PAPERMILL,
        )


def _literals(cell: str) -> dict[str, Any]:
    """The names to which a cell assigns literals, and their values."""
    values = {}
    for name, value in map(_assigned, ast.parse(cell).body):
        if value:
            with suppress(ValueError):
                values[name] = ast.literal_eval(value)
    return values


def parse_assignments(cell: str) -> dict[str, Any]:
    """Return the literal values that a cell assigns to names.

    Raises:
        ParamsError: A value is not a literal; papermill writes infinity as a call.
    """
    values = {}
    for name, value in map(_assigned, ast.parse(cell).body):
        if value:
            try:
                values[name] = ast.literal_eval(value)
            except ValueError:
                raise ParamsError(
                    f"{name} is {ast.unparse(value)}: papermill's -p converted the text to a number.",
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
            by_papermill = GIVEN in os.environ or name in injected_parameters()
            raise ParamsError(
                f"{name} must be a text, and is {value!r}, {_TYPE_NAMES.get(type(value), 'not a text')}.",
                fix=f"papermill's -p converts some texts: use -r {name} VALUE. In YAML, write quotes."
                if by_papermill
                else f'Write it in quotes: {name} = "…".',
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
    unknown = sorted(set(values) - known - {*PATHS})
    if own := [name for name in _PLOOMBER if name in unknown]:
        raise ParamsError(f"{' and '.join(own)}: ploomber's, and not of this notebook.", fix=_CALL_PAPERMILL)
    if unknown:
        lines = [f"{name}: there is no such parameter{_suggestion(name, known)}." for name in unknown]
        raise ParamsError("\n".join(lines), fix="Remove or correct it; unknown parameters are not ignored.")
    return {name: value for name, value in values.items() if name in set(fields)}


def _suggestion(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, list(known), 1)
    return f"; did you mean {matches[0]}" if matches else f"; there are {', '.join(sorted(known))}"
