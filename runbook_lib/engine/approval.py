"""Approval binds: what is done is what was reviewed, or a part of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..errors import NotApproved
from .plan import Action, Change, Plan, PlanDict, digest

NOTHING = "nothing"
"""Given in place of fingerprints, it approves no change at all; to give none at all is something else."""


def parse_fingerprints(approved: str) -> tuple[str, ...]:
    """The fingerprints in a parameter: several are told apart by commas or spaces."""
    return tuple(filter(None, re.split(r"[\s,]+", approved)))


def join_fingerprints(given: Sequence[str]) -> str:
    """One parameter of all that was given.

    What was given and is blank, as it is of a plan with nothing to do, approves nothing.
    """
    named = [each for text in given for each in parse_fingerprints(text)]
    return ",".join(named) or (NOTHING if given else "")


def find_plan(root: Path, fingerprint: str) -> PlanDict | None:
    """The plan of that fingerprint among an environment's evidence.

    Args:
        root: The environment's folder of evidence, ``artifacts/<env>``.
    """
    if not re.fullmatch(r"[0-9a-f]{16}", fingerprint):
        return None
    for path in sorted(root.glob(f"*/plans/*{fingerprint}.json"), reverse=True):
        try:
            plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        except (ValueError, KeyError, TypeError, OSError):
            continue  # cut short, or no plan
        # The name says what it is; only the content proves it.
        if digest(plan)[:16] == fingerprint:
            return dict(plan)
    return None


class Approval:
    """What a run may do.

    Args:
        approved: Fingerprints of reviewed plans, as given; blank where none was given.
        required: Whether the parameters ask for one.
        evidence: ``artifacts/<env>``, where a plan reviewed earlier is found.
        signed: Stops unless a plan carries the signed approvals that the parameters ask for;
            without it, to know the fingerprint is enough.
    """

    def __init__(
        self, approved: str, *, required: bool, evidence: Path, signed: Callable[[PlanDict], None] | None = None
    ) -> None:
        self._given = parse_fingerprints(approved) or ((NOTHING,) if approved.strip() else ())
        self._required, self._evidence, self._signed = required, evidence, signed
        self._present: dict[str, Plan] = {}

    def add_plan(self, plan: Plan) -> None:
        """Take note of the present plan of a whole stack: its fingerprint may be the approved one."""
        self._present[plan.fingerprint] = plan

    def require(self, change: Change, *, scope: str, stack: str) -> None:
        """Raises:
        NotApproved: When an approval is given or required and does not contain the change.
        """
        if not self._given and not self._required:
            return
        if self._given == (NOTHING,):
            raise NotApproved(
                f"{change.key}: nothing was approved, and to {change.action} it would be something.",
                fix="The reviewed plan had nothing to do. Review the present plan and approve its fingerprint.",
            )
        given = self._given or self._named(scope, stack)
        if not given:
            raise NotApproved(
                f"{change.key}: this environment needs an approval, and none was given.",
                fix="Run in plan mode, have the plan reviewed, then give its fingerprint as approved.",
            )
        plans = [p for p in self._plans(given) if p["scope"] == scope and p["stack"] == stack]
        if not plans:
            raise NotApproved(
                f"{', '.join(given)}: not the fingerprint of the present plan of {stack} in {scope},"
                " nor of one in the evidence.",
                fix="Review the present plan and approve its fingerprint.",
            )
        containing = [plan for plan in plans if any(is_covered(entry, change) for entry in plan["changes"])]
        if not containing:
            raise NotApproved(
                f"{change.key}: to {change.action} it is not part of the approved plan.",
                fix="The account or the parameters changed since the review. Review the present plan and approve it.",
            )
        if self._signed:
            self._proven(containing, self._signed)

    def _named(self, scope: str, stack: str) -> tuple[str, ...]:
        """Where approvals are signed they say themselves which plan they are of: the present one needs no naming."""
        mine = (plan for plan in self._present.values() if (plan.scope, plan.stack) == (scope, stack))
        return tuple(plan.fingerprint for plan in mine) if self._signed else ()

    def _proven(self, plans: list[PlanDict], signed: Callable[[PlanDict], None]) -> None:
        refusals: list[NotApproved] = []
        for plan in plans:
            try:
                return signed(plan)
            except NotApproved as error:
                refusals.append(error)
        raise refusals[0]

    def _plans(self, given: Iterable[str]) -> Iterable[PlanDict]:
        for fingerprint in given:
            if fingerprint in self._present:
                yield self._present[fingerprint].as_dict()
            elif plan := find_plan(self._evidence, fingerprint):
                yield plan


def is_covered(entry: PlanDict, change: Change) -> bool:
    """Whether an approved entry contains a change: the same, or what remains of it."""
    if entry["key"] != change.key:
        return False
    now = change.as_dict()
    if entry == now:
        return True
    wanted = {name: pair[1] for name, pair in entry["fields"].items()}
    if change.action is Action.UPDATE and entry["action"] == Action.CREATE:
        # A create that was cut short is completed by an update.
        return all(wanted.get(name) == to_be for name, (_, to_be) in now["fields"].items())
    if change.action is Action.UPDATE and entry["action"] == Action.UPDATE:
        return all(entry["fields"].get(name) == pair for name, pair in now["fields"].items())
    return change.action is Action.DELETE and entry["action"] == Action.DELETE
