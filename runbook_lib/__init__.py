"""Step through AWS changes in notebooks: plan, apply, verify, destroy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runs.runbook import Runbook

__all__ = ["Runbook"]


def __getattr__(name: str) -> Any:
    """Load what a notebook needs only for a notebook: the embedded AWS and the command start faster."""
    if name == "Runbook":
        from .runs.kernel.parameters import require_parameters_cell
        from .runs.runbook import Runbook

        require_parameters_cell()
        return Runbook
    raise AttributeError(name)
