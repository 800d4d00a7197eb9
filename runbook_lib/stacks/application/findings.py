"""What is wrong with an application: at which place, and what to write there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from runbook_lib.errors import RunbookError


@dataclass(frozen=True)
class Finding:
    """A problem, or a warning.

    Args:
        place: A file of the application, with a line where there is one: ``Procfile:3``.
        what: What is wrong there.
        fix: What to write or to do.
        is_problem: Whether the application cannot be deployed; otherwise it is a warning.
    """

    place: str
    what: str
    fix: str
    is_problem: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


class BundleError(RunbookError):
    """The application cannot be packed.

    Args:
        findings: All problems, when the error was made of them.
    """

    def __init__(self, what: str, *, fix: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(what, fix=fix)
        self.findings = tuple(findings)

    @classmethod
    def of(cls, problems: Iterable[Finding]) -> Self:
        """One error that names all problems."""
        found = tuple(problems)
        if len(found) == 1:
            return cls(str(found[0]), fix=found[0].fix, findings=found)
        lines = (f"\n  {each}\n    → {each.fix}" for each in found)
        return cls(
            f"The application has {len(found)} problems:{''.join(lines)}",
            fix="Correct them; `runbook app check` lists them.",
            findings=found,
        )


def require_none(findings: Iterable[Finding]) -> None:
    """Require that none of the findings is a problem.

    Raises:
        BundleError: Some are; it names all of them.
    """
    if problems := [each for each in findings if each.is_problem]:
        raise BundleError.of(problems)
