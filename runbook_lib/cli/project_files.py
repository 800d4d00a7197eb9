"""Which files ``runbook init`` writes, and where they are: in the wheel, or in the checkout around this package.

The wheel is built with them by ``setup.py``, which runs this module alone: it imports the standard library only.
"""

from __future__ import annotations

from pathlib import Path

INSTALLED = "project"
"""Their folder below the installed package."""
_STARTER = "starter"
"""Files of the checkout that only a new project has; there they are at the top."""
_CHECKOUT = (
    ".gitattributes",
    ".github/scripts/*.py",
    *(f".github/workflows/{name}.yml" for name in ("apply", "deploy", "plan", "runbook")),
    "docs/**/*",
    "notebooks/*.ipynb",
    "params/*",
    "requirements/run.txt",
    f"{_STARTER}/**/*",
)


def find() -> dict[str, Path]:
    """The files by their names in a project: those of the installed package, or of the checkout around it."""
    package = Path(__file__).resolve().parents[1]
    installed = package / INSTALLED
    if not installed.is_dir():
        return find_in_checkout(package.parent)
    return _without_caches({path.relative_to(installed).as_posix(): path for path in sorted(installed.rglob("*"))})


def find_in_checkout(checkout: Path) -> dict[str, Path]:
    """The files of a checkout by their names in a project."""
    paths = [path for pattern in _CHECKOUT for path in sorted(checkout.glob(pattern))]
    return _without_caches({path.relative_to(checkout).as_posix().removeprefix(f"{_STARTER}/"): path for path in paths})


def _without_caches(files: dict[str, Path]) -> dict[str, Path]:
    """The files alone, without what Python writes beside them: pip compiles what it installs."""
    return {name: path for name, path in files.items() if path.is_file() and "__pycache__" not in path.parts}
