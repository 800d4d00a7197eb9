"""The conclusion of a verify: no drift and no failed check, or an error that names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import DriftDetected
from ..formatting import format_finding
from ..stacks.stack import Stack
from .plan import Action, Plan, count_text, render_change


def require_no_drift(stack: Stack, plan: Plan, failed: Mapping[str, Any]) -> None:
    """Stop when the plan is not empty, or a check failed.

    Args:
        failed: The claims of the checks that failed, and what each found.

    Raises:
        DriftDetected: Naming the changes, or the claims with what was found.
    """
    if plan.todo:
        lines = [line for change in plan.todo for line in render_change(change, whole=False)]
        head = f"{stack.name} differs from the parameters: {count_text(plan)}"
        blocked = any(c.action is Action.BLOCKED for c in plan.todo)
        fix = "Correct params/, or see what is blocked above." if blocked else "Apply it, or correct params/."
        raise DriftDetected("\n".join([head, *lines]), fix=fix)
    if failed:
        lines = [f"{len(failed)} of the checks of {stack.name} failed:"]
        for claim, found in failed.items():
            lines += [f"  ✗ {claim}", *(f"      {line}" for line in format_finding(found))]
        raise DriftDetected("\n".join(lines), fix="Correct the cause, then run this again.")
