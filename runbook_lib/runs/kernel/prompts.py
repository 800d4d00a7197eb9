"""Asking the person at the notebook; where there is none, that is known at once."""

from __future__ import annotations

import sys

from ...errors import Unconfirmed


def prompt(question: str, phrase: str) -> None:
    """Go on only when somebody types the phrase.

    Raises:
        Unconfirmed: They typed something else, or nobody is there, as in a headless run.
    """
    answer = _answer(f"{question}\nType {phrase!r} to go on: ")
    if answer is None:
        raise Unconfirmed(
            f"{question}: nobody is here to answer.",
            fix="Run this notebook in JupyterLab, or take the question out of it.",
        )
    if answer.strip() != phrase:
        raise Unconfirmed(f"{question}: that needs {phrase!r}, not {answer.strip()!r}.", fix="Run the cell again.")


def _answer(prompt: str) -> str | None:
    """What somebody types; ``None`` where nobody can."""
    if not _in_kernel() and not (sys.stdin and sys.stdin.isatty()):
        return None
    try:
        return input(prompt)
    except EOFError:
        return None
    except RuntimeError as error:
        if type(error).__name__ == "StdinNotImplementedError":  # ipykernel's, of a kernel that may not ask
            return None
        raise


def _in_kernel() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
