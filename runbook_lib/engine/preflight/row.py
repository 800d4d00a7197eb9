"""One row of a preflight: what a plan needs, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from ...errors import RequestRejected

PASSED, FAILED, NOT_ASKED = "passed", "failed", "could not be asked"
SYMBOLS = {PASSED: "✓", FAILED: "✗", NOT_ASKED: "?"}


@dataclass(frozen=True)
class Prerequisite:
    """One thing that a plan needs.

    Args:
        name: What is needed, e.g. ``quota: VPCs``.
        result: :data:`PASSED`, :data:`FAILED` or :data:`NOT_ASKED`.
        finding: What AWS shows, or why it could not be asked.
        fix: What to do about a failed one, in the imperative.
    """

    name: str
    result: str
    finding: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """The row as the journal and the tables contain it."""
        return asdict(self)


def ask(name: str, question: Callable[[], Iterable[Prerequisite]]) -> list[Prerequisite]:
    """Return the rows of a question; one row that it could not be asked, where AWS refuses to answer it."""
    try:
        return [*question()]
    except RequestRejected as error:
        return [Prerequisite(name, NOT_ASKED, error.what, error.fix)]
