"""Asking the person at the notebook; where there is none, that is known at once."""

from __future__ import annotations

import sys

from .errors import Unconfirmed


def typed(question: str, phrase: str) -> None:
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
    if "ipykernel" not in sys.modules and not (sys.stdin and sys.stdin.isatty()):
        return None
    try:
        return input(prompt)
    except (EOFError, OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and type(error).__name__ != "StdinNotImplementedError":
            raise
        return None
