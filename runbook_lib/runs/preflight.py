"""Stop a run before its first write, when it could not be carried out to its end."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..engine.engine import Engine
from ..engine.plan import Plan
from ..params import Params
from ..stacks.application.bundle import Bundle
from ..stacks.environment import stacks


def require_unblocked(
    plan: Plan, engine: Engine, params: Params, notebook: str, pack: Callable[[], Bundle | None]
) -> None:
    """Require that the changes of a notebook can be made, and those of the later notebooks of a headless run.

    The first notebook of a run plans the later ones.

    Args:
        plan: The plan of the notebook.
        pack: Packs the application that is deployed.

    Raises:
        Blocked: A change cannot be made.
    """
    plan.raise_if_blocked(failed=False)
    if os.environ.get("RUNBOOK_BEFORE"):
        return
    later = set(os.environ.get("RUNBOOK_NOTEBOOKS", "").split()) - {notebook}
    for stack in stacks(params, pack()) if later else ():
        if any(name.endswith(f"_{stack.name}") for name in later):
            engine.plan(stack).raise_if_blocked(failed=False)
