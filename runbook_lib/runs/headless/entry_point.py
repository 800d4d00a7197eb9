"""The entry point of the papermill engine ``runbook``; it imports the engine when the first notebook is run.

papermill loads its engines while it is being imported, so an engine that imports papermill would be a circular import.
"""

from __future__ import annotations

import logging
import sys
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


def _is_useful(record: logging.LogRecord) -> bool:
    """Whether a line of papermill's log says something: that it does not know a parameter of ours does not.

    papermill knows those that the notebook's own cell assigns.  ``-f params/<env>.yaml`` gives the environment's, too,
    and ``--inject-paths`` papermill's own; ``Runbook`` refuses the unknown ones.  Other notebooks keep their warnings.
    """
    known, _, name = record.getMessage().partition("Passed unknown parameter: ")
    return bool(known) or not name or not _is_ours() or name not in _known_parameters()


def _is_ours() -> bool:
    """Whether papermill prepares a notebook that opens a run; its log does not say which notebook that is."""
    frame = sys._getframe()
    while frame and not (frame.f_code.co_name == "execute_notebook" and "nb" in frame.f_locals):
        frame = frame.f_back  # type: ignore[assignment]
    cells = frame.f_locals["nb"].cells if frame else ()
    return any(cell.cell_type == "code" and "Runbook(" in cell.source for cell in cells)


def _known_parameters() -> set[str]:
    from ...params import Params
    from ..kernel.parameters import PATHS

    return {*Params.model_fields, *PATHS}


logging.getLogger("papermill").addFilter(_is_useful)
