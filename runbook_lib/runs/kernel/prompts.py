"""Ask the person at the notebook to confirm something; fails at once where nobody can answer."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

from ...errors import Unconfirmed
from .shell import find_kernel_shell


def prompt(question: str, phrase: str) -> None:
    """Ask a question and return when the phrase was typed.

    Raises:
        Unconfirmed: Something else was typed, or nobody can answer, as in a headless run.
    """
    answer = _read_answer(f"{question}\nType {phrase!r} to go on: ", input)
    if answer is None:
        raise Unconfirmed(
            f"{question}: nobody is here to answer.",
            fix="Run this notebook in JupyterLab, or remove the question from it.",
        )
    if answer.strip() != phrase:
        raise Unconfirmed(
            f"{question}: expected {phrase!r}, not {answer.strip()!r}.", fix=f"Run the cell again and type {phrase!r}."
        )


def ask_code(question: str) -> str | None:
    """Ask for the code of an MFA device, without showing it; ``None`` where nobody can answer."""
    return _read_answer(question, getpass.getpass)


def _read_answer(text: str, read: Callable[[str], str]) -> str | None:
    """What somebody types; ``None`` where nobody can."""
    if find_kernel_shell() is None and not (sys.stdin and sys.stdin.isatty()):
        return None
    try:
        return read(text)
    except EOFError:
        return None
    except RuntimeError as error:
        if type(error).__name__ == "StdinNotImplementedError":  # ipykernel's, of a kernel that may not ask
            return None
        raise
