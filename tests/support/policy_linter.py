"""parliament, which knows every IAM action with its resources and condition keys: https://github.com/duo-labs/parliament"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def _resource_filename(module: str, name: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent / name)


def _import_parliament() -> ModuleType:
    """Import it with a stand-in for the one function of pkg_resources that it uses: setuptools has that no longer."""
    stand_in = ModuleType("pkg_resources")
    vars(stand_in)["resource_filename"] = _resource_filename
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        return importlib.import_module("parliament")
    finally:
        del sys.modules["pkg_resources"]
        if before:
            sys.modules["pkg_resources"] = before


parliament = _import_parliament()


def findings(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """What it finds in a policy document: each issue with its detail."""
    found = parliament.analyze_policy_string(json.dumps(document)).findings
    return [(finding.issue, finding.detail) for finding in found]
