"""Which notebook ran: the one of the commit, or another one, as the journal records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..formatting import pluralize

EVENT = "origin"
"""The journal's event with the comparison of one notebook."""
_SHOWN = 6
"""How many cells are named."""


@dataclass(frozen=True)
class Difference:
    """A cell that differs.

    Args:
        what: ``changed``, ``added``, ``moved`` or ``missing``.
        cell: Its number among the code cells; of a missing one, in the notebook of the commit.
        section: The heading above it.
    """

    what: str
    cell: int
    section: str

    def __str__(self) -> str:
        return f"cell {self.cell} {self.what}{f' ({self.section})' if self.section else ''}"


@dataclass(frozen=True)
class Origin:
    """What the comparison of one notebook found.

    Args:
        digest: The SHA-256 of the code that was executed, without what belongs to a run.
        commit: The commit that it was compared with; empty where the code was no git checkout.
        known: Whether there is a notebook of that name to compare with.
        cells: The cells that differ.
        left_out: The checks of ``verify`` that it does not make, and the other does.
    """

    notebook: str
    digest: str
    commit: str = ""
    known: bool = True
    cells: tuple[Difference, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether it is known, and nothing differs."""
        return self.known and not (self.cells or self.left_out)

    @property
    def other(self) -> str:
        """What it was compared with."""
        return f"that of commit {self.commit[:12]}" if self.commit else "the one that is installed"

    def __str__(self) -> str:
        if self.same:
            return f"{self.notebook} is {self.other}."
        if not self.known:
            return f"{self.notebook} is in no commit: there is none of that name to compare it with."
        cells = ", ".join(map(str, self.cells[:_SHOWN]))
        more = f" and {pluralize(len(self.cells) - _SHOWN, 'more cell')}" if len(self.cells) > _SHOWN else ""
        checks = f" It leaves out the check {', '.join(self.left_out)}." if self.left_out else ""
        return f"{self.notebook} differs from {self.other}: {cells}{more}.{checks}"

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Origin:
        """Read it from the journal."""
        cells = tuple(
            Difference(str(cell.get("what")), int(cell.get("cell") or 0), str(cell.get("section") or ""))
            for cell in event.get("cells", ())
        )
        notebook, digest, commit = (str(event.get(name) or "") for name in ("notebook", "digest", "commit"))
        left_out = tuple(map(str, event.get("left_out", ())))
        return cls(notebook, digest, commit, known=event.get("known") is True, cells=cells, left_out=left_out)

    def as_dict(self) -> dict[str, Any]:
        """The data of its event."""
        data = asdict(self)
        return {name: data[name] for name in ("digest", "commit", "known", "cells", "left_out")}
