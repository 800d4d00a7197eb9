"""The IPython shell that runs this code, if any."""

from __future__ import annotations

import sys
from typing import Any


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
