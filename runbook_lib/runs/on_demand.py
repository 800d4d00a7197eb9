"""What finishes and what signs, loaded when it is called: notebooks of a headless run do neither, and it takes long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..engine.plan import PlanDict
from ..params import Params


def finish_run(params: Params, root: Path, run: str, *, unrecorded_state: str = "") -> str:
    """Complete, sign and pack the folder of a run, as :func:`.finish.finish_run`; returns where the archive is."""
    from .finish import finish_run

    return finish_run(params, root, run, unrecorded_state=unrecorded_state)


def signature_check(
    params: Params, root: Path, run: str, change: str, record: Callable[..., None]
) -> Callable[[PlanDict], None] | None:
    """Create the check that a plan has enough signed approvals; ``None`` where the parameters name no signers."""
    if not params.approval.signers:
        return None
    from .finish import signature_check

    return signature_check(params, root, run, change, record)
