"""A plug-in of pytest that measures the coverage: `PYTEST_PLUGINS=tests.measure`, also with `--numprocesses`.

Each process writes what it has reached to build/coverage/, for `python -m tests.unreached`. Kernels and servers are not
measured. slipcover takes its own instruments out of what was reached, so that measuring costs next to nothing.
"""

import json
import os
from pathlib import Path

import slipcover

from tests.unreached import FOLDER

SOURCE = Path(__file__).parents[1] / "runbook_lib"
EXCLUDED = [r"if TYPE_CHECKING:", r"@abstractmethod", r"raise NotImplementedError", r"@overload"]

_coverage = slipcover.Slipcover(branch=True, source=[str(SOURCE)], exclude_also=EXCLUDED)
slipcover.ImportManager(_coverage, slipcover.FileMatcher(sources=[SOURCE])).__enter__()


def pytest_unconfigure() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{os.getpid()}.json").write_text(json.dumps(_coverage.get_coverage()))
