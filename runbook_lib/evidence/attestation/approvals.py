"""Sign and read approval statements: who approved which plans, for which change, until when."""

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
from . import keys as signing_keys
from .dsse import SUFFIX, InvalidEnvelope, Keys, build_statement, build_subject, sign, verify
from .manifest import APPROVALS

PREDICATE_TYPE = "urn:runbook:approval:v1"
APPROVER, OPERATOR = "approver", "operator"
CLOCK_SKEW = timedelta(minutes=5)
"""How much the clocks of two people may differ."""


@dataclass(frozen=True)
class ApprovalStatement:
    """One approval statement.

    Args:
        by: The name of the signer.
        role: ``approver`` or ``operator``.
        plans: Names of the approved plans, by their digests.
        problem: Why it does not count; empty when it was signed by whom it names.
        forged: Whether it names a trusted key that did not sign it.
    """

    by: str
    role: str
    at: datetime
    expires: datetime
    change: str
    run: str
    plans: Mapping[str, str]
    problem: str
    forged: bool


def approve(folder: Path, plans: list[PlanDict], signer: Signer, *, by: str, change: str, valid_for: timedelta) -> Path:
    """Sign an approval of a run's plans and write it into the run's folder; returns its path."""
    data = sign_statement(plans, signer, by=by, role=APPROVER, change=change, run=folder.name, valid_for=valid_for)
    path = folder / APPROVALS / f"{by}{SUFFIX}"
    write_atomically(path, data)
    return path


def plans_of(folder: Path, verb: str) -> Iterator[PlanDict]:
    """Yield the plans of a run that have changes; *verb* is ``apply`` or ``destroy``."""
    for path in sorted((folder / "plans").glob(f"*-{verb}-*.json")):
        plan = json.loads(path.read_text(encoding="utf-8"))["plan"]
        if plan["changes"]:
            yield plan


def format_plan_name(plan: PlanDict) -> str:
    """The name of a plan in a statement, such as ``prod/123456789012/us-west-2/network/8acdec61fcdf580c``."""
    return f"{plan['scope']}/{plan['stack']}/{digest(plan)[:16]}"


def read_statement(data: bytes, keys: Keys) -> ApprovalStatement:
    """Read an approval statement and check its signature.

    Raises:
        InvalidEnvelope: It is not an approval statement.
    """
    envelope = verify(data, keys, PREDICATE_TYPE)
    fields = envelope.statement["predicate"]
    try:
        at, expires = (datetime.fromisoformat(fields[name]).astimezone(UTC) for name in ("at", "expires"))
        by, role, change, run = (str(fields[name]) for name in ("by", "role", "change", "run"))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InvalidEnvelope("does not say who approved, when and until when") from None
    problem = envelope.problem or (f"{envelope.by} signed it in the name of {by}" if envelope.by != by else "")
    plans = {subject["digest"]["sha256"]: subject["name"] for subject in envelope.statement["subject"]}
    return ApprovalStatement(by, role, at, expires, change, run, plans, problem, envelope.forged)


@dataclass
class SignedApprovals:
    """Checks that plans have the signed approvals that an environment's parameters require.

    Args:
        signers: Public keys of those who may approve, by name.
        threshold: 2 requires two people: the operator is one of the signers, and another signer approved.
        valid_for: How long an approval counts.
        environment: ``artifacts/<env>``; the approvals are in the folders of its runs.
        folder: The folder of this run; the approvals that it uses are copied there.
        load_signer: Loads the key that signs this run.
        change: The change request of this run.
        on_used: Writes the use of an approval into the journal.
    """

    signers: Mapping[str, str]
    threshold: int
    valid_for: timedelta
    environment: Path
    folder: Path
    load_signer: Callable[[], Signer]
    change: str = ""
    on_used: Callable[..., None] = lambda *a, **k: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        self._keys = {name: signing_keys.parse_public_key(text) for name, text in self.signers.items()}
        self._accepted: set[str] = set()

    def require(self, plan: PlanDict) -> None:
        """Require a signed approval of a plan, and keep it with the evidence of this run.

        Raises:
            NotApproved: No approval counts; the message has the reason for each.
        """
        if digest(plan) not in self._accepted:
            self._accept(plan, *self.find(plan))

    def find(self, plan: PlanDict) -> tuple[ApprovalStatement, bytes, str]:
        """Find a signed approval of a plan: the statement, the same as it is signed, and with two people the operator.

        Raises:
            NotApproved: No approval counts; the message has the reason for each.
        """
        operator = self._operator() if self.threshold > 1 else ""
        rejected: list[str] = []
        for path, data in self._statements():
            try:
                statement = read_statement(data, self._keys)
            except InvalidEnvelope as error:
                rejected.append(f"{path.parent.parent.name}/{path.name} {error}")
                continue
            if digest(plan) not in statement.plans or statement.role != APPROVER:
                continue
            problem = statement.problem or self._find_problem(statement, operator)
            if not problem:
                return statement, data, operator
            rejected.append(f"{statement.by}: {problem}")
        reasons = "".join(f"\n  {problem}." for problem in rejected)
        raise NotApproved(
            f"{format_plan_name(plan)}: no signed approval of this plan counts.{reasons}",
            fix="Have it approved: `runbook approve RUN --as NAME`. The folder of that run must be in artifacts/ here.",
        )

    def _statements(self) -> Iterator[tuple[Path, bytes]]:
        for path in sorted(self.environment.glob(f"*/{APPROVALS}/*{SUFFIX}"), reverse=True):
            yield path, path.read_bytes()

    def _operator(self) -> str:
        key = self.load_signer().public_key
        name = next((name for name, known in self._keys.items() if known.keyid == key.keyid), "")
        if not name:
            raise NotApproved(
                f"The operator signs with {signing_keys.fingerprint(key)}, which is not a key of approval.signers"
                f" ({', '.join(self._keys)}).",
                fix="With threshold 2, operator and approver must both be signers: add this machine's key"
                " (`runbook evidence key`) to approval.signers, and have the parameters reviewed.",
            )
        return name

    def _find_problem(self, statement: ApprovalStatement, operator: str) -> str:
        """Why a valid statement does not count for this run; empty when it counts."""
        now, until = self.clock(), min(statement.expires, statement.at + self.valid_for)
        if statement.at > now + CLOCK_SKEW:
            return f"approved at {statement.at:%Y-%m-%d %H:%M} UTC, which is in the future"
        if now >= until:
            return f"expired at {until:%Y-%m-%d %H:%M} UTC"
        if statement.change and self.change and statement.change != self.change:
            return f"approved for {statement.change}, and this run is for {self.change}"
        if statement.by == operator:
            return "approved by the operator, and threshold 2 requires another signer"
        return ""

    def _accept(self, plan: PlanDict, statement: ApprovalStatement, data: bytes, operator: str) -> None:
        path = self.folder / APPROVALS / f"{digest(plan)[:16]}-{statement.by}{SUFFIX}"
        if operator:
            operator_fields = {"by": operator, "role": OPERATOR, "change": self.change, "run": self.folder.name}
            write_atomically(
                path.with_name(f"{digest(plan)[:16]}-{operator}{SUFFIX}"),
                sign_statement([plan], self.load_signer(), valid_for=self.valid_for, **operator_fields),
            )
        write_atomically(path, data)
        self.on_used(
            "approved", by=statement.by, operator=operator, plan=format_plan_name(plan), sha256=digest(plan),
            kept=path.name, signed=statement.at.isoformat(timespec="seconds"),
            expires=min(statement.expires, statement.at + self.valid_for).isoformat(timespec="seconds"),
        )  # fmt: skip
        self._accepted.add(digest(plan))


def sign_statement(plans: list[PlanDict], signer: Signer, *, valid_for: timedelta, **fields: Any) -> bytes:
    """Sign a statement about plans; *fields* are ``by``, ``role``, ``change`` and ``run``."""
    now = datetime.now(UTC)
    times = {
        "at": now.isoformat(timespec="seconds"),
        "expires": (now + valid_for).isoformat(timespec="seconds"),
    }
    subjects = [build_subject(format_plan_name(plan), digest(plan)) for plan in plans]
    return sign(build_statement(PREDICATE_TYPE, subjects, {**fields, **times}), signer)
