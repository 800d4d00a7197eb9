"""Recognise what is ours by what refers to it, where its tags do not tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from ..aws.snapshot import Snapshot
from ..errors import Ambiguous, IdentityLost, NotOwned
from ..resources.base import ObservedState, Resource, ids_of
from ..resources.predictions import Twin
from .plan import Action, Change, refuse
from .references import Keys


def name_users(observed_state: ObservedState) -> None:
    """Tell of each of several things with one key what uses it."""
    for resource, observed in observed_state.items():
        if observed and isinstance(error := observed.unowned, Ambiguous) and error.ids:
            users = {id_: _users(id_, observed_state) for id_ in error.ids}
            used = "; ".join(f"{id_} by {', '.join(keys) or 'nothing of ours'}" for id_, keys in users.items())
            told = Ambiguous(f"{error.what} Used: {used}.", fix=error.fix, ids=error.ids)
            observed_state[resource] = replace(observed, unowned=told)


def find_lost(snapshot: Snapshot, change: Change, observed_state: ObservedState) -> Change | None:
    """The change, blocked, where what it would create is there without our tags; ``None`` when it is not.

    Something of ours may refer to it, as a subnet does to its VPC, or it has what AWS gives only once, as a subnet its
    addresses; or the operator has named what is to be adopted, and there is no such thing.
    """
    resource, aws = change.resource, snapshot.aws
    if wanted := aws.adopted.get(change.key):
        return replace(
            change,
            action=Action.BLOCKED,
            reason=f"there is no {wanted} of this kind that could be adopted",
            fix="Correct the id, or remove it from adopt in params/ to have one created.",
        )
    ids = ids_of(observed_state)
    users = ((Twin(id_, "place", ours=True), user.key) for user, id_ in _in_its_place(resource, observed_state))
    for twin, user in chain(users, ((twin, "") for twin in resource.twins(snapshot, ids))):
        found = resource.observe(Snapshot(aws, unowned={}, adopted={change.key: twin.id}), ids)
        if found and not found.deleting and twin.id in (found.id, found.tagging and found.tagging.target):
            why = f"{user} has {twin.id} in its {twin.what}" if user else f"{twin.id} has its {twin.what}"
            error = _not_known(change.key, aws.env, twin, why)
            return refuse(resource, replace(found, unowned=error), error)
    return None


def _not_known(key: str, env: str, twin: Twin, why: str) -> NotOwned:
    adopt = f"runbook adopt --env {env} {key} {twin.id}"
    if twin.ours:
        return IdentityLost(
            f"{key}: identity lost. {why}, which lacks our tags. Nothing makes a second one.",
            fix=f"Give it its tags back: {adopt}",
        )
    return NotOwned(
        f"{key}: {why}, and is not tagged as ours.",
        fix=f"If it is somebody else's, have it renamed or deleted. If it is {env}'s, or shall be: {adopt}",
    )


def _in_its_place(resource: Resource, observed_state: ObservedState) -> Iterator[tuple[Resource, str]]:
    """What exists, with the id of something unknown that it has where it should have the resource."""
    known = {observed.id for observed in observed_state.values() if observed}
    for user, observed in observed_state.items():
        if observed and not observed.deleting and resource in user.dependencies:
            for field, wanted in user.desired(Keys()).items():
                if resource.key in _strings(wanted):
                    yield from ((user, id_) for id_ in _strings(observed.state.get(field)) if id_ not in known)


def _users(id_: str, observed_state: ObservedState) -> list[str]:
    """The keys of what refers to an id in its state."""
    return [
        resource.key
        for resource, observed in observed_state.items()
        if observed and observed.id != id_ and any(id_ in _strings(value) for value in observed.state.values())
    ]


def _strings(value: Any) -> list[str]:
    """The texts of a field: one, or those of a collection."""
    if isinstance(value, str):
        return [value]
    return sorted(each for each in value if isinstance(each, str)) if isinstance(value, (set, frozenset, tuple)) else []
