"""Policies are held against parliament, which knows every IAM action with its resources and condition keys.

https://github.com/duo-labs/parliament
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any


def _resource_filename(module: str, name: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    return str(Path(spec.origin).parent / name)


@cache
def _parliament() -> ModuleType:
    """Import it, which takes a second, with a stand-in for the one function of pkg_resources that it uses.

    setuptools has pkg_resources no longer.
    """
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


def findings(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """What it finds in a policy document: each issue with its detail."""
    found = _parliament().analyze_policy_string(json.dumps(document)).findings
    return [(finding.issue, finding.detail) for finding in found]


def check_statement(actions: Sequence[str], resources: Sequence[str]) -> None:
    """Check that IAM has the actions, and that each one named in full works on one of the resources.

    An action with a wildcard may match others that work elsewhere, and some actions work on ``*`` only.

    Raises:
        ValueError: With what to write instead.
    """
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    for issue, detail in findings({"Version": "2012-10-17", "Statement": [statement]}):
        if issue == "RESOURCE_MISMATCH":
            problem = _mismatch([one for one in detail if one["action"].lower() in {name.lower() for name in actions}])
        else:
            problem = "" if issue == "RESOURCE_STAR" else f"{detail}".rstrip(".")
        if problem:
            raise ValueError(
                f"{problem} (says parliament {version('parliament')}; if AWS has it by now, attach a policy of your"
                " own under app.policies.managed)"
            )


def _mismatch(details: list[dict[str, str]]) -> str:
    forms: dict[str, list[str]] = {}
    for one in details:
        forms.setdefault(one["action"], []).append(one["required_format"])
    return "; ".join(f"{action} works on {' or '.join(form)}, not on these resources" for action, form in forms.items())
