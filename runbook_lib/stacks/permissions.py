"""The IAM policy that allows an environment's verbs, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..aws.permissions import Level, Permission, Statement, join_statements
from ..params import Params
from ..resources.release import Release
from ..resources.stored_bundle import StoredBundle
from .application.bundle import Bundle
from .environment import stacks
from .run_permissions import deploy_permissions, history_permissions, log_permissions, select_permissions
from .stack import in_order

VERBS: dict[str, tuple[Level, ...]] = {
    "plan": ("look", "plan"), "drift": ("look", "plan"), "apply": ("look", "plan", "apply"), "deploy": (),
    "destroy": ("look", "destroy"), "logs": (),
}  # fmt: skip
"""What each verb needs of each resource; ``verify`` is as ``plan``.  ``deploy`` has fewer resources, ``logs`` none;
``drift`` also asks CloudTrail."""
_ANY_BUNDLE = Bundle(Path("bundle.zip"), "0" * 64, 0, "0" * 64)
"""The permissions do not depend on what a bundle contains."""


def statements_for(params: Params, verbs: Collection[str]) -> tuple[Statement, ...]:
    """Return the statements of a policy that allows these verbs.

    Args:
        verbs: Of :data:`VERBS`.  ``deploy`` is an ``apply`` of ``04_deploy`` where nothing but the revision differs.
    """
    environment = stacks(params, _ANY_BUNDLE)
    levels: set[Level] = {level for verb in verbs for level in VERBS[verb]}
    found: list[Permission] = []
    if levels:
        found += select_permissions(params, in_order(r for stack in environment for r in stack), levels)
    if "deploy" in verbs:
        app = environment[-1]
        revision = [r for r in app if isinstance(r, Release | StoredBundle)]
        found += deploy_permissions(params, in_order(app), revision)
    if "drift" in verbs:
        found += history_permissions(params)
    if "logs" in verbs:
        found += log_permissions(params)
    return join_statements(found)
