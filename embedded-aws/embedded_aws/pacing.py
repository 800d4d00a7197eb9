"""Transitional states: a resource stays `pending`, `creating` or `deleting` for as long as the pace says.

A transition is stored on the moto object in plain types, so that it survives a restart. A new pace applies to
transitions that start after it; pace 0 also completes those in progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from embedded_aws import pace
from embedded_aws.ticker import run_each

#: The attribute of a moto object that holds its transition.
ATTRIBUTE = "pacing_transition"

#: When it started and when it ends (seconds since the epoch), and the state to show meanwhile.
Transition = tuple[float, float, str]


def new_transition(state: str, kind: str, verb: str = "create") -> Transition | None:
    """Return a transition that starts now; None where it takes no time."""
    now = time.time()
    return (now, now + pace.duration(kind, verb), state) if pace.current_factor() else None


def is_in_progress(transition: Transition | None) -> bool:
    """Whether a transition has not ended yet."""
    return transition is not None and pace.instant_until() < transition[0] and time.time() < transition[1]


def start(resource: Any, state: str, kind: str, verb: str = "create") -> bool:
    """Start a transition of a resource; returns whether it takes any time."""
    vars(resource)[ATTRIBUTE] = new_transition(state, kind, verb)
    return vars(resource)[ATTRIBUTE] is not None


def transitional_state(resource: Any) -> str:
    """Return the state that a resource shows while it is in transition; empty when it is not."""
    transition: Transition | None = vars(resource).get(ATTRIBUTE)
    return transition[2] if transition and is_in_progress(transition) else ""


def delay_deletion(resource: Any, state: str, kind: str) -> bool:
    """Start the deletion of a resource, or let it continue; returns False when it is time to remove the resource."""
    transition: Transition | None = vars(resource).get(ATTRIBUTE)
    if transition and transition[2] == state:
        return is_in_progress(transition)
    return start(resource, state, kind, "delete")


def finish(resources: Iterable[Any], state: str, action: Callable[[Any], object]) -> bool:
    """Run the last action of each resource whose transition named `state` has ended; returns whether there was any."""

    def complete(resource: Any) -> bool:
        action(resource)
        vars(resource).pop(ATTRIBUTE, None)
        return True

    return run_each([resource for resource in resources if _has_ended(vars(resource).get(ATTRIBUTE), state)], complete)


def _has_ended(transition: Transition | None, state: str) -> bool:
    return transition is not None and transition[2] == state and not is_in_progress(transition)


def show_transitions(owner: type, attribute: str, final_state: str) -> None:
    """Patch a class of moto: instead of `final_state`, an attribute shows the transitional state, if there is one."""

    def get(resource: Any) -> Any:
        value = vars(resource)[attribute]
        return (transitional_state(resource) or value) if value == final_state else value

    def set_(resource: Any, value: Any) -> None:
        vars(resource)[attribute] = value

    setattr(owner, attribute, property(get, set_))
