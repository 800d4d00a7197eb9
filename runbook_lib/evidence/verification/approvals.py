"""Whether a run was approved as its own parameters ask: by whom, of what, in time, and, where two are asked, by two."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...engine.plan import digest
from ...errors import EvidenceError
from ...journal.reader import Event, of_kind
from ..attestation import keys as all_keys
from ..attestation.approvals import APPROVER, CLOCK_SKEW, OPERATOR, ApprovalStatement, read
from ..attestation.dsse import SUFFIX, InvalidEnvelope, Keys
from ..attestation.manifest import APPROVALS
from .completeness import plan_in


def statement(path: Path, approvers: Keys, *, others: bool, later: bool) -> tuple[str, str]:
    """What is wrong with one approval, or what it says.

    Args:
        others: There may be more approvers, of whom nothing is known.
        later: It was added to a closed folder: then it has to be of that folder's plans.
    """
    try:
        plain = path.name.endswith(SUFFIX) and path.is_file() and not path.is_symlink()
        said = read(path.read_bytes(), approvers) if plain else None
    except (InvalidEnvelope, OSError) as error:
        return str(error), ""
    if said is None:
        return "is no approval", ""
    if said.why and (later or said.forged or said.by in approvers or not others):
        return said.why, ""
    if said.why:
        return "", f"{APPROVALS}/{path.name}: whether it was {said.by} cannot be told without the key of a signer"
    if later and path.name != f"{said.by}{SUFFIX}":
        return f"was added under another name than {said.by}'s", ""
    if later and said.run != path.parent.parent.name:
        return f"is an approval of another run, {said.run}", ""
    return "", _told(said)


def _told(said: ApprovalStatement) -> str:
    deed = "run by" if said.role == OPERATOR else "approved by"
    change = f" for {said.change}" if said.change else ""
    return f"{deed} {said.by}{change} at {said.at:%Y-%m-%d %H:%M} UTC, until {said.expires:%Y-%m-%d %H:%M} UTC"


def unapproved_changes(folder: Path, events: Sequence[Event]) -> Iterator[str]:
    """What was done without the approval that was to be had, and which approvals are not those the journal tells of.

    What was to be had stands in the parameters that the run itself has written down.
    """
    for notebook in dict.fromkeys(event.get("notebook") for event in events):
        own = [event for event in events if event.get("notebook") == notebook]
        opened = next(of_kind(own, "open"), {})
        rules = (opened.get("parameters") or {}).get("approval") or {}
        for event in own:
            if event["event"] == "approved":
                yield from _gone_by(folder, event, rules, str(opened.get("change") or ""))
        if rules.get("signers"):
            yield from _unsigned(folder, str(notebook), own)
        elif rules.get("required") and not opened.get("approved") and any(of_kind(own, "change")):
            yield f"{notebook}: was changed, and its parameters ask for an approval: none was given"


def _unsigned(folder: Path, notebook: str, own: Sequence[Event]) -> Iterator[str]:
    """Changes that were made before somebody had signed a plan that has them."""
    signed: list[Event] = []
    for event in own:
        if event["event"] == "approved":
            signed.append(event)
        if event["event"] == "change" and not signed:
            yield f"{notebook}: was changed, and its parameters ask for a signed approval: the journal tells of none"
            return
        if event["event"] == "change" and not any(_covers(folder, notebook, one, event) for one in signed):
            yield f"{notebook}: {event['key']}: was changed, and no approved plan has it"


def _covers(folder: Path, notebook: str, signed: Event, change: Event) -> bool:
    """Whether an approved plan has a change; of a plan in the folder of another run nobody can say."""
    plans = (plan_in(path) for path in (folder / "plans").glob(f"{notebook}-*-{signed['sha256'][:16]}.json"))
    changes = [plan["changes"] for plan in plans if plan is not None and digest(plan) == signed["sha256"]]
    return not changes or any(one["key"] == change["key"] for one in changes[0])


def _gone_by(folder: Path, event: Event, rules: Mapping[str, Any], change: str) -> Iterator[str]:
    """The approval that the run says it went by is there, is of that plan, and counted at that time."""
    name = f"{APPROVALS}/{event['kept']}"
    said = yield from _kept(folder, name, rules)
    if said is None:
        return
    at = datetime.fromisoformat(event["at"]).astimezone(UTC)
    until = min(said.expires, said.at + timedelta(hours=rules.get("valid_hours") or 24 * 90))
    mine = event["sha256"] in said.plans and (said.by, said.role) == (event["by"], APPROVER)
    if not mine or not said.at - CLOCK_SKEW <= at < until or (said.change and change and said.change != change):
        yield f"{name}: is not the approval that the journal tells of"
    if rules.get("threshold") == 2:
        yield from _second(folder, event, rules)


def _second(folder: Path, event: Event, rules: Mapping[str, Any]) -> Iterator[str]:
    """Whoever ran it signed for it, too, and is another than who approved."""
    operator = event.get("operator")
    if not operator or operator == event["by"]:
        yield f"{APPROVALS}/{event['kept']}: two people were to agree, and whoever ran it is not another signer"
        return
    name = f"{APPROVALS}/{event['sha256'][:16]}-{operator}{SUFFIX}"
    said = yield from _kept(folder, name, rules)
    if said is None:
        return
    if event["sha256"] not in said.plans or (said.by, said.role, said.run) != (operator, OPERATOR, folder.name):
        yield f"{name}: is not the signature of whoever ran it"


def _kept(folder: Path, name: str, rules: Mapping[str, Any]) -> Generator[str, None, ApprovalStatement | None]:
    """A statement that has to be there, signed as the parameters of the run name its signers."""
    if not (folder / name).is_file():
        yield f"{name}: is missing: the run says it went by it"
        return None
    try:
        known = {who: all_keys.public_key(line) for who, line in (rules.get("signers") or {}).items()}
        said = read((folder / name).read_bytes(), known)
    except EvidenceError as error:
        yield f"{name}: cannot be checked by the parameters of the run: {error.what}"
        return None
    except (InvalidEnvelope, OSError):
        return None  # told already
    if known and said.why:
        yield f"{name}: {said.why}, by the parameters of the run"
    return said
