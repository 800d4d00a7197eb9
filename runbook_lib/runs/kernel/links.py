"""Links to files of the evidence that open from where a notebook is shown: in JupyterLab, or in the run's folder."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from .shell import ENGINE, find_kernel_shell, find_notebook_file


def link_to(path: Path, folder: Path) -> str:
    """The URL of a file, relative to the notebook that shows it.

    Args:
        folder: The run's folder, where papermill writes the executed notebook.
    """
    return quote(os.path.relpath(path, _shown_in(folder)).replace(os.sep, "/"))


def relink(html: str, folder: Path) -> str:
    """Make the links of :func:`link_to` relative to the run's folder, where the evidence is read."""
    prefix = quote(os.path.relpath(folder, _shown_in(folder)).replace(os.sep, "/"))
    return html.replace(f'href="{prefix}/', 'href="')


def _shown_in(folder: Path) -> Path:
    shell = find_kernel_shell()
    if shell is None or ENGINE in os.environ:
        return folder
    file = find_notebook_file(shell.user_ns)
    return file.parent if file else Path.cwd()
