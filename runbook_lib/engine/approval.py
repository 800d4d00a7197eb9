"""Check that every change is part of an approved plan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..errors import NotApproved
from .plan import Action, Change, Plan, PlanDict, digest

NOTHING = "nothing"
"""Used in place of a fingerprint: approves no change.  An empty parameter means that no approval was passed."""


def parse_fingerprints(approved: str) -> tuple[str, ...]:
    """The fingerprints in a parameter, separated by commas or spaces."""
    return tuple(filter(None, re.split(r"[\s,]+", approved)))


def join_fingerprints(options: Sequence[str]) -> str:
    """One parameter made of all values of the option.

    Values that are all blank, as the fingerprint of a plan with nothing to do is, approve nothing.
    """
    fingerprints = [each for text in options for each in parse_fingerprints(text)]
    return ",".join(fingerprints) or (NOTHING if options else "")


def find_plan(root: Path, fingerprint: str) -> PlanDict | None:
    """The plan with that fingerprint in an environment's evidence; ``None`` when it is not there.

    Args:
        root: The environment's folder of evidence, ``artifacts/<env>``.
    """
    if not re.fullmatch(r"[0-9a-f]{16}", fingerprint):
        return None
    for path in root.glob(f"*/plans/*{fingerprint}.json"):
        try:
            plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        except (ValueError, KeyError, TypeError, OSError, RecursionError):
            continue  # truncated, or not a plan
        # The file's name is not enough: the content must have that fingerprint.
        if digest(plan)[:16] == fingerprint:
            return dict(plan)
    return None


class Approval:
    """The plans whose changes a run may make.

    Args:
        approved: The run's parameter: fingerprints of reviewed plans, or blank.
        required: Whether the parameters require an approval.
        evidence: ``artifacts/<env>``, which holds the plans of earlier runs.
        require_signed: Raises unless a plan has the signed approvals that the parameters require;
            without it, the fingerprint is enough.
    """

    def __init__(
        self,
        approved: str,
        *,
        required: bool,
        evidence: Path,
        require_signed: Callable[[PlanDict], None] | None = None,
    ) -> None:
        self._fingerprints = parse_fingerprints(approved) or ((NOTHING,) if approved.strip() else ())
        self._required, self._evidence, self._require_signed = required, evidence, require_signed
        self._current: dict[str, PlanDict] = {}

    def add_plan(self, plan: Plan) -> None:
        """Remember the current plan of a whole stack: its fingerprint may be the approved one."""
        self._current[plan.fingerprint] = plan.as_dict()

    def add_recorded_plans(self, run: Path) -> None:
        """Remember the plans to apply that the notebooks of a run have recorded.

        Args:
            run: The run's folder in the evidence.
        """
        for path in run.glob("plans/*-apply-*.json"):
            if plan := find_plan(run.parent, path.stem.rpartition("-")[2]):
                self._current[digest(plan)[:16]] = plan

    def require(self, change: Change, *, scope: str, stack: str) -> None:
        """Stop unless the change is part of an approved plan.

        Args:
            scope: Environment, account and region, as :attr:`Engine.scope`.
            stack: The name of the whole stack that the resource belongs to.

        Raises:
            NotApproved: An approval was passed or is required, and it does not contain the change.
        """
        if not self._fingerprints and not self._required:
            return
        if self._fingerprints == (NOTHING,):
            raise NotApproved(
                f"{change.key}: the approved plan has no changes, so this run must not {change.action} it.",
                fix="Review the current plan and approve its fingerprint.",
            )
        fingerprints = self._fingerprints or self._current_fingerprints(scope, stack)
        if not fingerprints:
            raise NotApproved(
                f"{change.key}: this environment requires an approval, and none was passed.",
                fix="Plan it and have the plan reviewed. Then pass its fingerprint: --approved FINGERPRINT, or in a"
                ' notebook approved = "FINGERPRINT".',
            )
        plans = [p for p in self._plans(fingerprints) if p["scope"] == scope and p["stack"] == stack]
        if not plans:
            raise NotApproved(
                f"{', '.join(fingerprints)}: not the fingerprint of the current plan of {stack} in {scope},"
                " nor of one in the evidence.",
                fix="Review the current plan and approve its fingerprint.",
            )
        containing = [plan for plan in plans if any(is_covered(entry, change) for entry in plan["changes"])]
        if not containing:
            raise NotApproved(
                f"{change.key}: the approved plan does not {change.action} it.",
                fix="The account or the parameters changed since the review. Review the current plan and approve it.",
            )
        if self._require_signed:
            self._require_any_signed(containing, self._require_signed)

    def _current_fingerprints(self, scope: str, stack: str) -> tuple[str, ...]:
        """Signed approvals name their plan themselves, so the current plan's fingerprint need not be passed."""
        current = (each for each, plan in self._current.items() if (plan["scope"], plan["stack"]) == (scope, stack))
        return tuple(current) if self._require_signed else ()

    def _require_any_signed(self, plans: list[PlanDict], require_signed: Callable[[PlanDict], None]) -> None:
        errors: list[NotApproved] = []
        for plan in plans:
            try:
                return require_signed(plan)
            except NotApproved as error:
                errors.append(error)
        raise errors[0]

    def _plans(self, fingerprints: Iterable[str]) -> Iterable[PlanDict]:
        for fingerprint in fingerprints:
            if fingerprint in self._current:
                yield self._current[fingerprint]
            elif plan := find_plan(self._evidence, fingerprint):
                yield plan


def is_covered(entry: PlanDict, change: Change) -> bool:
    """Whether an approved plan's entry contains a change: the same one, or what remains of it."""
    if entry["key"] != change.key:
        return False
    current = change.as_dict()
    if entry == current:
        return True
    approved = {name: pair[1] for name, pair in entry["fields"].items()}
    if change.action is Action.UPDATE and entry["action"] == Action.CREATE:
        # An interrupted create is completed by an update.
        return all(approved.get(name) == new for name, (_, new) in current["fields"].items())
    if change.action is Action.UPDATE and entry["action"] == Action.UPDATE:
        return all(entry["fields"].get(name) == pair for name, pair in current["fields"].items())
    return False
