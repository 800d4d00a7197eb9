"""What papermill finds under the name ``runbook`` as it is imported; the engine itself comes with its first notebook.

papermill loads every engine while it is being loaded itself: one that needs papermill cannot be there yet.
"""

from __future__ import annotations

from typing import Any


class Engine:
    """Stands for `RunbookEngine`."""

    @classmethod
    def execute_notebook(cls, *args: Any, **sent: Any) -> Any:
        """Run a notebook."""
        return _engine().execute_notebook(*args, **sent)

    @classmethod
    def nb_kernel_name(cls, *args: Any, **sent: Any) -> Any:
        """The kernel that a notebook asks for."""
        return _engine().nb_kernel_name(*args, **sent)

    @classmethod
    def nb_language(cls, *args: Any, **sent: Any) -> Any:
        """The language that a notebook is in."""
        return _engine().nb_language(*args, **sent)


def _engine() -> Any:
    from .engine import RunbookEngine

    return RunbookEngine
