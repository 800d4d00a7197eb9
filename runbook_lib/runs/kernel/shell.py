"""The IPython shell that runs this code, if any."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ...evidence.notebooks.scripts import SUFFIXES

ENGINE = "RUNBOOK_ENGINE"
"""Environment variable of a kernel whose papermill engine records the cells and writes the notebook itself."""


MESSAGE = "runbook"
"""Type of the messages in which such a kernel sends its engine the evidence folder, secrets, and what it waits for."""


def send_to_engine(shell: Any, **content: Any) -> None:
    """Send a message to the engine over the kernel's own channel: secrets must not be in a file or command line."""
    if ENGINE in os.environ:
        kernel = shell.kernel
        kernel.session.send(kernel.iopub_socket, MESSAGE, content=content, parent=kernel.get_parent("shell"))


def find_shell() -> Any | None:
    """The running IPython shell; ``None`` in a plain Python program.  Never imports IPython itself."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def find_kernel_shell() -> Any | None:
    """The running shell of a notebook's kernel; ``None`` in a terminal's IPython and in a plain program."""
    shell = find_shell()
    return shell if getattr(shell, "kernel", None) is not None else None


def find_notebook_file(variables: dict[str, Any]) -> Path | None:
    """Find the file of the running notebook; ``None`` when the kernel cannot know it.

    Jupyter's server passes its path in an environment variable, Visual Studio Code in a variable of the notebook.
    Under jupytext it is a script.

    Args:
        variables: The variables of the notebook.
    """
    for path in (variables.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
        if isinstance(path, str) and path.endswith((".ipynb", *SUFFIXES)) and Path(path).is_file():
            return Path(path)
    return None


def shorten_interrupts(shell: Any, *, shorten: bool = True) -> None:
    """Show two lines in place of a traceback when a cell is interrupted, or no longer.

    https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html
    (``InteractiveShell.set_custom_exc``)
    """
    shell.set_custom_exc((KeyboardInterrupt,) if shorten else (), _show_interrupt if shorten else None)


def _show_interrupt(shell: Any, kind: type[BaseException], error: BaseException, *_: object, **__: object) -> list[str]:
    again = "the same command" if ENGINE in os.environ else "this cell"
    lines = [
        "Interrupted. AWS continues with the requests it has accepted.",
        f"  → Run {again} again: it continues from what exists.",
    ]
    shell._showtraceback(kind, error, lines)
    return lines
