"""Verify that a run was approved as its own parameters require: by a signer, for its plans, in time."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...engine.plan import digest
from ...errors import EvidenceError
from ...journal.reader import Event, of_kind
from ..attestation import keys as signing_keys
from ..attestation.approvals import APPROVER, CLOCK_SKEW, OPERATOR, ApprovalStatement, read_statement
from ..attestation.dsse import SUFFIX, InvalidEnvelope, Keys
from ..attestation.manifest import APPROVALS
from .completeness import read_plan


def check_statement(path: Path, approvers: Keys, *, more_approvers: bool, added_later: bool) -> tuple[str, str]:
    """Check one approval file; returns what is wrong with it, and a note about it.

    Args:
        more_approvers: Whether there may be approvers whose keys are not given.
        added_later: Whether it was added after the folder was closed; it must then be for this run.
    """
    try:
        plain = path.name.endswith(SUFFIX) and path.is_file() and not path.is_symlink()
        statement = read_statement(path.read_bytes(), approvers) if plain else None
    except (InvalidEnvelope, OSError) as error:
        return str(error), ""
    if statement is None:
        return "is not an approval", ""
    if statement.problem and (added_later or statement.forged or statement.by in approvers or not more_approvers):
        return statement.problem, ""
    if statement.problem:
        return "", f"{APPROVALS}/{path.name}: whether {statement.by} signed it cannot be checked without a signer's key"
    if added_later and path.name != f"{statement.by}{SUFFIX}":
        return f"was added, and its name is not {statement.by}{SUFFIX}", ""
    if added_later and statement.run != path.parent.parent.name:
        return f"is an approval of another run, {statement.run}", ""
    return "", _describe(statement)


def _describe(statement: ApprovalStatement) -> str:
    action = "run by" if statement.role == OPERATOR else "approved by"
    change = f" for {statement.change}" if statement.change else ""
    signed, expires = (f"{time:%Y-%m-%d %H:%M} UTC" for time in (statement.at, statement.expires))
    return f"{action} {statement.by}{change} at {signed}, until {expires}"


def find_unapproved_changes(folder: Path, events: Sequence[Event]) -> Iterator[str]:
    """Find changes without the required approval, and used approvals that do not match the journal.

    What is required is in the parameters that the run wrote into its journal.
    """
    for notebook in dict.fromkeys(event.get("notebook") for event in events):
        own = [event for event in events if event.get("notebook") == notebook]
        opened = next(of_kind(own, "open"), {})
        rules = (opened.get("parameters") or {}).get("approval") or {}
        for event in own:
            if event["event"] == "approved":
                yield from _check_used(folder, event, rules, str(opened.get("change") or ""))
        if rules.get("signers"):
            yield from _check_signed(folder, str(notebook), own)
        elif rules.get("required") and not opened.get("approved") and any(of_kind(own, "change")):
            yield f"{notebook}: was changed without an approval, which its parameters require"


def _check_signed(folder: Path, notebook: str, own: Sequence[Event]) -> Iterator[str]:
    """Find changes that were made before a plan that contains them was approved."""
    signed: list[Event] = []
    for event in own:
        if event["event"] == "approved":
            signed.append(event)
        if event["event"] == "change" and not signed:
            yield f"{notebook}: was changed without a signed approval, which its parameters require"
            return
        if event["event"] == "change" and not any(_covers(folder, notebook, one, event) for one in signed):
            yield f"{notebook}: {event['key']}: was changed, and is in no approved plan"


def _covers(folder: Path, notebook: str, signed: Event, change: Event) -> bool:
    """Whether an approved plan contains a change; true when the plan is in the folder of another run only."""
    plans = (read_plan(path) for path in (folder / "plans").glob(f"{notebook}-*-{signed['sha256'][:16]}.json"))
    changes = [plan["changes"] for plan in plans if plan is not None and digest(plan) == signed["sha256"]]
    return not changes or any(one["key"] == change["key"] for one in changes[0])


def _check_used(folder: Path, event: Event, rules: Mapping[str, Any], change: str) -> Iterator[str]:
    """Check that an approval that the run used is there, is for that plan, and was valid at that time."""
    name = f"{APPROVALS}/{event['kept']}"
    statement = yield from _read_used(folder, name, rules)
    if statement is None:
        return
    at = datetime.fromisoformat(event["at"]).astimezone(UTC)
    until = min(statement.expires, statement.at + timedelta(hours=rules.get("valid_hours") or 24 * 90))
    matches = event["sha256"] in statement.plans and (statement.by, statement.role) == (event["by"], APPROVER)
    if (
        not matches
        or not statement.at - CLOCK_SKEW <= at < until
        or (statement.change and change and statement.change != change)
    ):
        yield f"{name}: is not the approval that the journal describes"
    if rules.get("threshold") == 2:
        yield from _check_operator(folder, event, rules)


def _check_operator(folder: Path, event: Event, rules: Mapping[str, Any]) -> Iterator[str]:
    """Check that the operator signed as well, and is not the approver."""
    operator = event.get("operator")
    if not operator or operator == event["by"]:
        yield f"{APPROVALS}/{event['kept']}: two signers are required, and the operator is not another signer"
        return
    name = f"{APPROVALS}/{event['sha256'][:16]}-{operator}{SUFFIX}"
    statement = yield from _read_used(folder, name, rules)
    if statement is None:
        return
    if event["sha256"] not in statement.plans or (statement.by, statement.role, statement.run) != (
        operator,
        OPERATOR,
        folder.name,
    ):
        yield f"{name}: is not the signature of the operator"


def _read_used(folder: Path, name: str, rules: Mapping[str, Any]) -> Generator[str, None, ApprovalStatement | None]:
    """Read a statement that the run used, and check it with the signers in the run's parameters."""
    if not (folder / name).is_file():
        yield f"{name}: is missing, and the run used it"
        return None
    try:
        keys = {who: signing_keys.parse_public_key(line) for who, line in (rules.get("signers") or {}).items()}
        statement = read_statement((folder / name).read_bytes(), keys)
    except EvidenceError as error:
        yield f"{name}: cannot be checked with the signers in the run's parameters: {error.what}"
        return None
    except (InvalidEnvelope, OSError):
        return None  # check_statement reports it
    if keys and statement.problem:
        yield f"{name}: {statement.problem}, according to the run's parameters"
    return statement
