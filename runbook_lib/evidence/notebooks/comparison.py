"""Compare the code that a notebook executed with the notebook of the commit: was it the one that people reviewed?

Where a notebook came from does not matter: the checkout, a copy, S3, HTTP or standard input.  Prose, parameters and
the cell that papermill adds belong to a run, and are no difference.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ..git import read_file
from ..origin import Difference, Origin
from .cells import Cell, Cells, Outcome, join_source
from .source import parse_notebook, read_notebook

_CHECKS = "runbook_lib.stacks.checks"
_INJECTED = "# Parameters"


def compare_with_source(path: Path, code: Path, commit: str) -> Origin | None:
    """Compare an executed notebook with the one of its name; ``None`` when it cannot be read.

    Args:
        path: The executed notebook, in the folder of its run.
        code: The checkout, or where the installed notebooks are.
        commit: The commit of the run; empty where the code is no git checkout.
    """
    executed = read_notebook(path)
    if executed is None:
        return None
    name, source = path.stem, Path("notebooks", path.name)
    if not commit:
        reference = read_notebook(code / source)
    else:
        text = read_file(code, commit, source.as_posix())
        reference = parse_notebook(text) if text else None
    return compare(name, executed, reference, commit)


def compare(name: str, executed: Any, reference: Any, commit: str = "") -> Origin:
    """Compare the code of two notebooks; *reference* is ``None`` where there is none of that name."""
    own = list(_code(executed))
    digest = hashlib.sha256(json.dumps([key for key, _ in own]).encode()).hexdigest()
    if reference is None:
        return Origin(name, digest, commit, known=False)
    theirs = list(_code(reference))
    finished = executed.metadata.get("runbook", {}).get("outcome") == Outcome.SUCCEEDED
    left_out = _checks(theirs) - _checks(own) if finished else set()
    return Origin(
        name, digest, commit, cells=tuple(_differences(own, theirs, finished)), left_out=tuple(sorted(left_out))
    )


def _code(notebook: Any) -> Iterator[tuple[str, Cell]]:
    """The key of each code cell, by which it is compared, and the cell."""
    for cell in Cells.from_notebook(notebook).cells:
        source = join_source(notebook["cells"][cell.index]).strip()
        names = _literals(source)
        if not (names and source.startswith(_INJECTED)):
            yield json.dumps(names) if names else source, cell


def _literals(source: str) -> list[str]:
    """The names that a cell assigns, where it does nothing but assign literals, as the parameters cell does."""
    names = []
    for line in _parse(source).body:
        match line:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if _is_literal(value):
                names.append(name)
            case _:
                return []
    return names


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError):
        return False
    return True


def _parse(source: str) -> ast.Module:
    """The code of a cell; empty for one with IPython's own commands, and for what Python cannot read."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _checks(code: Iterable[tuple[str, Cell]]) -> set[str]:
    """The imported checks that are passed to ``verify``; ``verify`` itself where it is called."""
    trees = [_parse(key) for key, _ in code]
    imported = {
        alias.asname or alias.name
        for tree in trees
        for line in tree.body
        if isinstance(line, ast.ImportFrom) and str(line.module).startswith(_CHECKS)
        for alias in line.names
    }
    calls = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "verify"
    ]
    used = {node.id for call in calls for each in call.args for node in ast.walk(each) if isinstance(node, ast.Name)}
    return (used & imported) | ({"verify"} if calls else set())


def _differences(own: list[tuple[str, Cell]], theirs: list[tuple[str, Cell]], finished: bool) -> Iterator[Difference]:
    """Pair the cells; one that was run again is no difference, nor are those after the last of a run that stopped."""
    mine, keys = [key for key, _ in own], [key for key, _ in theirs]
    for _, i1, i2, j1, j2 in SequenceMatcher(None, keys, mine, autojunk=False).get_opcodes():
        if keys[i1:i2] == mine[j1:j2]:
            continue
        gone = [cell for key, cell in theirs[i1:i2] if key not in mine]
        new = [cell for key, cell in own[j1:j2] if key not in keys]
        yield from (Difference("changed", cell.number, cell.section) for cell in new[: len(gone)])
        yield from (Difference("added", cell.number, cell.section) for cell in new[len(gone) :])
        if finished or i2 < len(keys):
            yield from (Difference("missing", cell.number, cell.section) for cell in gone[len(new) :])
        yield from (Difference("moved", cell.number, cell.section) for key, cell in theirs[i1:i2] if key in mine)
