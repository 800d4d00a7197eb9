"""Approvals as statements of their own: who, when, for which change, of which plans, until when; signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer

from ...engine.plan import PlanDict, digest
from ...errors import NotApproved
from ...files import write_atomically
from . import keys as all_keys
from .dsse import SUFFIX, InvalidEnvelope, Keys, sign, statement, subject, verify
from .manifest import APPROVALS

KIND = "urn:runbook:approval:v1"
APPROVER, OPERATOR = "approver", "operator"
CLOCK_SKEW = timedelta(minutes=5)
"""By how much the clocks of two people may differ."""


@dataclass(frozen=True)
class ApprovalStatement:
    """What one statement says.

    Args:
        plans: The digests of the plans, and how they are called.
        why: Why it proves nothing; empty when its signature is that of whom it names.
        forged: Whether it is wrong whoever is believed.
    """

    by: str
    role: str
    at: datetime
    expires: datetime
    change: str
    run: str
    plans: Mapping[str, str]
    why: str
    forged: bool = False


def approve(folder: Path, plans: list[PlanDict], signer: Signer, *, by: str, change: str, until: timedelta) -> Path:
    """Write down in a run's folder that somebody approves its plans."""
    data = signer_of(plans, signer, by=by, role=APPROVER, change=change, run=folder.name, until=until)
    path = folder / APPROVALS / f"{by}{SUFFIX}"
    write_atomically(path, data)
    return path


def plans_of(folder: Path, verb: str) -> Iterator[PlanDict]:
    """The plans of a run that change something; *verb* is ``apply`` or ``destroy``."""
    for path in sorted((folder / "plans").glob(f"*-{verb}-*.json")):
        plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        if plan["changes"]:
            yield plan


def file_name(plan: PlanDict) -> str:
    """``prod/123456789012/us-west-2/network/8acdec61fcdf580c``: how a statement names a plan."""
    return f"{plan['scope']}/{plan['stack']}/{digest(plan)[:16]}"


def read(data: bytes, keys: Keys) -> ApprovalStatement:
    """What a statement says, and whether it is proven.

    Raises:
        Spoilt: It is no approval.
    """
    opened = verify(data, keys, KIND)
    says = opened.statement["predicate"]
    try:
        at, expires = (datetime.fromisoformat(says[name]).astimezone(UTC) for name in ("at", "expires"))
        by, role, change, run = (str(says[name]) for name in ("by", "role", "change", "run"))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InvalidEnvelope("does not say who approved, when and until when") from None
    why = opened.why or (f"{opened.by} signed it in the name of {by}" if opened.by != by else "")
    plans = {about["digest"]["sha256"]: about["name"] for about in opened.statement["subject"]}
    return ApprovalStatement(by, role, at, expires, change, run, plans, why, opened.forged)


@dataclass
class SignedApprovals:
    """The approvals that an environment's parameters ask for.

    Args:
        signers: Who may approve, each with a public key.
        threshold: 2 asks for two people: whoever runs it is one of the signers, and another one approved.
        valid: For how long an approval counts.
        evidence: ``artifacts/<env>``, where approvals lie with the plans that they are of.
        folder: The run's own folder, which keeps those that it went by.
        own: Whose key signs this run.
        change: The change request that the run is for.
        record: Takes note of what was gone by.
    """

    signers: Mapping[str, str]
    threshold: int
    valid: timedelta
    evidence: Path
    folder: Path
    own: Callable[[], Signer]
    change: str = ""
    record: Callable[..., None] = lambda *a, **k: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self._keys = {name: all_keys.public_key(text) for name, text in self.signers.items()}
        self._accepted: set[str] = set()

    def require(self, plan: PlanDict) -> None:
        """Stop unless the plan was approved.

        Raises:
            NotApproved: Saying of each approval that there is why it does not count.
        """
        if digest(plan) in self._accepted:
            return None
        operator = self._operator() if self.threshold > 1 else ""
        refused: list[str] = []
        for path, data in self._statements():
            try:
                found = read(data, self._keys)
            except InvalidEnvelope as error:
                refused.append(f"{path.parent.parent.name}/{path.name} {error}")
                continue
            if digest(plan) not in found.plans or found.role != APPROVER:
                continue
            why = found.why or self._not_now(found) or self._not_another(found, operator)
            if not why:
                return self._accept(plan, found, data, operator)
            refused.append(f"{found.by}: {why}")
        told = "".join(f"\n  {why}." for why in refused)
        raise NotApproved(
            f"{file_name(plan)}: no signed approval of this plan counts.{told}",
            fix="Have it approved: `runbook approve RUN --as NAME`; the folder of that run belongs in artifacts/ here.",
        )

    def _statements(self) -> Iterator[tuple[Path, bytes]]:
        for path in sorted(self.evidence.glob(f"*/{APPROVALS}/*{SUFFIX}"), reverse=True):
            yield path, path.read_bytes()

    def _operator(self) -> str:
        key = self.own().public_key
        name = next((name for name, known in self._keys.items() if known.keyid == key.keyid), "")
        if not name:
            raise NotApproved(
                f"Whoever runs this signs with {all_keys.fingerprint(key)}, a key of none of approval.signers"
                f" ({', '.join(self._keys)}).",
                fix="With threshold 2, operator and approver are two of the signers: add this machine's key to them"
                " (`runbook evidence key`), and have the parameters reviewed.",
            )
        return name

    def _not_now(self, found: ApprovalStatement) -> str:
        now, until = self.clock(), min(found.expires, found.at + self.valid)
        if found.at > now + CLOCK_SKEW:
            return f"approved at {found.at:%Y-%m-%d %H:%M} UTC, which is yet to come"
        if now >= until:
            return f"expired at {until:%Y-%m-%d %H:%M} UTC"
        if found.change and self.change and found.change != self.change:
            return f"approved for {found.change}, and this run is for {self.change}"
        return ""

    def _not_another(self, found: ApprovalStatement, operator: str) -> str:
        return "approved by whoever runs it, and two people are asked for" if found.by == operator else ""

    def _accept(self, plan: PlanDict, found: ApprovalStatement, data: bytes, operator: str) -> None:
        kept = self.folder / APPROVALS / f"{digest(plan)[:16]}-{found.by}{SUFFIX}"
        if operator:
            mine = {"by": operator, "role": OPERATOR, "change": self.change, "run": self.folder.name}
            write_atomically(
                kept.with_name(f"{digest(plan)[:16]}-{operator}{SUFFIX}"),
                signer_of([plan], self.own(), until=self.valid, **mine),
            )
        write_atomically(kept, data)
        self.record(
            "approved", by=found.by, operator=operator, plan=file_name(plan), sha256=digest(plan), kept=kept.name,
            signed=found.at.isoformat(timespec="seconds"),
            expires=min(found.expires, found.at + self.valid).isoformat(timespec="seconds"),
        )  # fmt: skip
        self._accepted.add(digest(plan))


def signer_of(plans: list[PlanDict], signer: Signer, *, until: timedelta, **says: Any) -> bytes:
    """A statement over plans: by whom, in which role, for which change, of which run."""
    now = datetime.now(UTC)
    times = {
        "at": now.isoformat(timespec="seconds"),
        "expires": (now + until).isoformat(timespec="seconds"),
    }
    about = [subject(file_name(plan), digest(plan)) for plan in plans]
    return sign(statement(KIND, about, {**says, **times}), signer)
