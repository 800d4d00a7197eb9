"""Things on their way: what was just made, changed or deleted says so for as long as the pace asks.

What is noted lies on moto's objects in plain types, so that it goes on after a restart. A new pace holds for what
begins from then on; pace 0 also ends what is under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from embedded_aws import pace
from embedded_aws.ticker import each

NOTE = "on_its_way"

#: When it began and when it is over (seconds since the epoch), and what the thing is called meanwhile.
Note = tuple[float, float, str]


def note(state: str, kind: str, verb: str = "create") -> Note | None:
    """What begins now; None where it takes no time."""
    now = time.time()
    return (now, now + pace.seconds(kind, verb), state) if pace.factor() else None


def goes_on(found: Note | None) -> bool:
    """Whether its time is not over."""
    return found is not None and pace.at_once_until() < found[0] and time.time() < found[1]


def begin(thing: Any, state: str, kind: str, verb: str = "create") -> bool:
    """From now on a thing is on its way; returns whether that takes any time."""
    vars(thing)[NOTE] = note(state, kind, verb)
    return vars(thing)[NOTE] is not None


def on_its_way(thing: Any) -> str:
    """What a thing is called that is on its way; empty when it has arrived."""
    found: Note | None = vars(thing).get(NOTE)
    return found[2] if found and goes_on(found) else ""


def leave(thing: Any, state: str, kind: str) -> bool:
    """Let a thing begin to leave, or go on; False when it is time to be gone."""
    found: Note | None = vars(thing).get(NOTE)
    return goes_on(found) if found and found[2] == state else begin(thing, state, kind, "delete")


def finish(things: Iterable[Any], state: str, deed: Callable[[Any], object]) -> bool:
    """Do the last of what was on its way under this name, and forget about it; returns whether there was any."""

    def do(thing: Any) -> bool:
        deed(thing)
        vars(thing).pop(NOTE, None)
        return True

    return each([thing for thing in things if _is_over(vars(thing).get(NOTE), state)], do)


def _is_over(found: Note | None, state: str) -> bool:
    return found is not None and found[2] == state and not goes_on(found)


def shown(owner: type, attribute: str, settled: str) -> None:
    """Have the objects of a class say what they are on the way to, instead of that they are there already."""

    def get(thing: Any) -> Any:
        value = vars(thing)[attribute]
        return (on_its_way(thing) or value) if value == settled else value

    def put(thing: Any, value: Any) -> None:
        vars(thing)[attribute] = value

    setattr(owner, attribute, property(get, put))
