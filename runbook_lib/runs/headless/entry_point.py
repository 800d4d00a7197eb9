"""The entry point of the papermill engine ``runbook``; it imports the engine when the first notebook is run.

papermill loads its engines while it is being imported, so an engine that imports papermill would be a circular import.
"""

from __future__ import annotations

from typing import Any


class Engine:
    """Forwards to `RunbookEngine`."""

    @classmethod
    def execute_notebook(cls, *args: Any, **kwargs: Any) -> Any:
        """Run a notebook."""
        return _engine().execute_notebook(*args, **kwargs)

    @classmethod
    def nb_kernel_name(cls, *args: Any, **kwargs: Any) -> Any:
        """The kernel name of a notebook."""
        return _engine().nb_kernel_name(*args, **kwargs)

    @classmethod
    def nb_language(cls, *args: Any, **kwargs: Any) -> Any:
        """The language of a notebook."""
        return _engine().nb_language(*args, **kwargs)


def _engine() -> Any:
    from .engine import RunbookEngine

    return RunbookEngine
