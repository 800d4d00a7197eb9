"""The security controls, evaluated on what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ....aws.snapshot import Snapshot
from ....errors import MissingDependency
from ....params import Params
from ....params.controls import CONTROLS, Control, ControlException
from ....resources.base import ObservedState
from ...stack import Stack
from ..account import Account
from ..check import EXCEPTION, FAIL, NOT_APPLICABLE, PASS, Check
from . import buckets, databases, ec2, load_balancing, policies, secrets_and_logs
from .outcome import Evaluation, Offence, Outcome

EVALUATIONS: Mapping[str, Mapping[str, Evaluation]] = {
    "network": {**ec2.NETWORK, **buckets.EVALUATIONS},
    "data": databases.EVALUATIONS,
    "compute": {**ec2.INSTANCES, **load_balancing.EVALUATIONS},
    "deploy": {**policies.EVALUATIONS, **secrets_and_logs.EVALUATIONS},
}
"""What each notebook's ``verify`` evaluates, in the order of the services."""


def controls(stack: Stack, params: Params) -> tuple[Check, ...]:
    """The controls that belong to a notebook's stack, as checks: each passes, fails, is excepted or does not apply."""
    account = _SharedAccount(params)
    own = EVALUATIONS[stack.name].items()
    return tuple(Check(f"{name} {CONTROLS[name].title}", _probe(CONTROLS[name], how, account)) for name, how in own)


class _SharedAccount:
    """One account for all controls of a survey: its network is read once."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self._last: tuple[Snapshot, Account] | None = None

    def of(self, snapshot: Snapshot, observed_state: ObservedState) -> Account:
        if self._last is None or self._last[0] is not snapshot:
            self._last = snapshot, Account(self.params, snapshot, observed_state)
        return self._last[1]


def _probe(
    control: Control, evaluate: Evaluation, shared: _SharedAccount
) -> Callable[[Snapshot, ObservedState], tuple[bool, object]]:
    def probe(snapshot: Snapshot, observed_state: ObservedState) -> tuple[bool, object]:
        try:
            outcome = evaluate(shared.of(snapshot, observed_state))
        except MissingDependency as error:  # what differs from the parameters is told beside it
            outcome = Outcome(offences=(Offence(f"{error.what.rstrip('.')}:", "nothing was there to look at"),))
        exceptions = [each for each in shared.params.controls.exceptions if each.control == control.id]
        result, why = conclude(outcome, exceptions, datetime.now(UTC).date())
        return result != FAIL, {**_facts(control), "result": result, "why": why, "looked at": list(outcome.looked_at)}

    return probe


def _facts(control: Control) -> dict[str, Any]:
    cis = {"cis": control.cis} if control.cis else {}
    return {"control": control.id, "severity": control.severity, **cis, "source": control.source}


def conclude(outcome: Outcome, exceptions: Sequence[ControlException], today: date) -> tuple[str, list[str]]:
    """What an outcome comes to with the exceptions for its control; returns the result and the reasons.

    An exception counts for the resources that it names, until it expires.
    """
    if outcome.not_applicable:
        return NOT_APPLICABLE, [outcome.not_applicable]
    if not (outcome.looked_at or outcome.offences):
        return FAIL, ["nothing was there to look at"]
    failing, used = list[str](), set[int]()
    accepted: dict[int, list[str]] = {}
    for offence in outcome.offences:
        matching = [n for n, each in enumerate(exceptions) if not each.resources or _names(each, offence)]
        used |= {*matching}
        valid = next((n for n in matching if today <= (exceptions[n].expires or today)), None)
        if valid is not None:
            accepted.setdefault(valid, []).append(str(offence))
        else:
            late = [f"; the exception expired after {exceptions[n].expires}" for n in matching]
            failing.append(f"{offence}{late[0] if late else ''}")
    excepted = [_reason(exceptions[n], offences) for n, offences in accepted.items()]
    idle = [_idle(each) for n, each in enumerate(exceptions) if n not in used]
    if failing:
        return FAIL, [*failing, *excepted, *idle]
    if excepted:
        return EXCEPTION, [*excepted, *idle]
    return PASS, [f"holds for {len(outcome.looked_at)}", *idle]


def _names(exception: ControlException, offence: Offence) -> bool:
    return bool({offence.id, offence.key} & set(exception.resources))


def _reason(exception: ControlException, offences: Iterable[str]) -> str:
    until = f", until {exception.expires}" if exception.expires else ""
    return f"{', '.join(offences)}; exception{until}: {exception.reason}"


def _idle(exception: ControlException) -> str:
    where = f" for {', '.join(exception.resources)}" if exception.resources else ""
    return f"the exception{where} in the parameters is not needed: nothing fails that it names"
