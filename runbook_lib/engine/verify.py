"""What a verify comes to: all is as asked for, or why not."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Unverified
from ..stacks.stack import Stack
from .plan import Action, Plan, counted, told


def unless_so(stack: Stack, plan: Plan, failed: Sequence[str]) -> None:
    """Stop where something differs, or a claim does not hold.

    Raises:
        Unverified: It says what.
    """
    if plan.todo:
        lines = [line for change in plan.todo for line in told(change, whole=False)]
        head = f"{stack.name} differs from what was asked for: {counted(plan)}"
        blocked = any(c.action is Action.BLOCKED for c in plan.todo)
        fix = "Correct params/, or see what is blocked above." if blocked else "Apply it, or correct params/."
        raise Unverified("\n".join([head, *lines]), fix=fix)
    if failed:
        raise Unverified(f"Not true of {stack.name}: {'; '.join(failed)}.", fix="See above for what was found.")
