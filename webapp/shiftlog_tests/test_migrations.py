"""The migrations as they are written: the revision before works with all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from .world import WEBAPP

VERSIONS = sorted((WEBAPP / "migrations" / "versions").glob("*.py"))

#: What an older revision cannot mind is allowed; what else a migration does stands here, as
#: ("0007", "drop_column"): "no revision since 0005 reads it".
EXCEPTIONS: dict[tuple[str, str], str] = {}


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_is_one_that_the_revision_before_can_live_with(path: Path) -> None:
    """During a deployment both are up: what is new may be added, and nothing taken away or narrowed."""
    number = path.stem.partition("_")[0]
    refused = list(_refused(path.read_text(encoding="utf-8")))
    assert [each for each in refused if not EXCEPTIONS.get((number, each))] == []


def test_an_exception_is_of_a_migration_that_needs_it() -> None:
    """What is allowed once is not allowed for ever."""
    numbers = {path.stem.partition("_")[0]: path for path in VERSIONS}
    for number, operation in EXCEPTIONS:
        assert operation in _refused(numbers[number].read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("step", "refused"),
    [
        ('op.create_table("notes", sa.Column("id", sa.Integer, nullable=False))', []),
        ('op.create_index("by_author", "entries", ["author"])', []),
        ('op.create_index("by_author", "entries", ["author"], unique=True)', ["create_index"]),
        ('op.add_column("entries", sa.Column("shift", sa.String(9)))', []),
        ('op.add_column("entries", sa.Column("shift", sa.String(9), nullable=True))', []),
        ('op.add_column("entries", sa.Column("shift", sa.String(9), nullable=False))', ["add_column"]),
        ('op.add_column("entries", sa.Column("shift", sa.String(9), nullable=False, server_default=""))', []),
        ('op.add_column("entries", sa.Column("shift", sa.String(9), unique=True))', ["add_column"]),
        ('op.add_column("entries", shift)', ["add_column"]),
        ('op.drop_column("entries", "body")', ["drop_column"]),
        ('op.alter_column("entries", "body", new_column_name="text")', ["alter_column"]),
        ('op.rename_table("entries", "notes")', ["rename_table"]),
        ('op.execute("TRUNCATE entries")', ["execute"]),
        ('if "shift" in columns:\n    op.drop_table("entries")', ["drop_table"]),
        ('op.get_bind().exec_driver_sql("TRUNCATE entries")', ["exec_driver_sql"]),
        ('there = sa.inspect(op.get_bind()).get_columns("entries")', []),
    ],
)
def test_what_narrows_or_takes_away_is_found(step: str, refused: list[str]) -> None:
    """The rule above sees through to each step."""
    assert list(_refused(step)) == refused


def _refused(text: str) -> Iterator[str]:
    """The operations of a migration that an older revision may not survive."""
    for call in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)):
        if not isinstance(call.func, ast.Attribute):
            continue
        name, of = call.func.attr, ast.unparse(call.func.value)
        if not _harmless(name, call) if of == "op" else name in ("execute", "exec_driver_sql"):
            yield name


def _harmless(name: str, call: ast.Call) -> bool:
    if name == "add_column":
        return len(call.args) == 2 and isinstance(call.args[1], ast.Call) and _optional(call.args[1])
    if name == "create_index":
        return _given(call, "unique") in (None, "False")
    return name in ("create_table", "get_bind", "f")


def _optional(column: ast.Call) -> bool:
    """Who does not know the column can still write a row."""
    if _given(column, "unique") not in (None, "False") or _given(column, "primary_key"):
        return False
    return _given(column, "nullable") in (None, "True") or _given(column, "server_default") not in (None, "None")


def _given(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(given.value) for given in call.keywords if given.arg == name), None)
