"""When everything in a run was done, and what the run waited for: computed from its journal alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from .reader import Event

_EPSILON = 0.05
"""Seconds by which two clocks may disagree on what came first."""


@dataclass(frozen=True)
class Span:
    """One change, in seconds since the run began.

    Args:
        began: From when on it was its turn, but for what it needed.
        acted: When it had what it needed, and was asked for.
        sent: When AWS had taken all of it.
        accepted: When AWS showed it as it was asked for; others may use its id.
        settled: When it was seen to be ready, or gone; ``None`` when nobody has seen that.
        needs, after: What it stands on, and what of that had to be ready.
    """

    key: str
    action: str
    notebook: str
    ok: bool
    began: float
    acted: float
    sent: float
    accepted: float
    settled: float | None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """When nothing more came of it."""
        return self.accepted if self.settled is None else self.settled

    @property
    def took(self) -> float:
        """From its turn to its end; a removal waits for others with all the rest, and that is not its own time."""
        return self.end - (self.acted if self.action == "delete" else self.began)


@dataclass(frozen=True)
class Timeline:
    """The changes of a run by when they began, how long the run took, and the chain of changes that made it so long.

    Args:
        critical: The chain from its beginning, with the moment from which on the next could go.
    """

    spans: tuple[Span, ...]
    makespan: float
    critical: tuple[tuple[Span, float], ...]


def timeline(events: Iterable[Event]) -> Timeline:
    """Read the changes of a run."""
    told = [event for event in events if "at" in event]
    zero = min((_at(event) for event in told), default=0.0)
    spans: list[Span] = []
    for event in told:
        if event["event"] == "change" and "took" in event:
            spans.append(_span(event, _at(event) - zero))
        elif event["event"] == "settled":
            _settle(spans, event["key"], _at(event) - zero)
    spans.sort(key=lambda span: (span.began, span.acted))
    return Timeline(tuple(spans), max((_at(event) - zero for event in told), default=0.0), _critical(spans))


def _at(event: Event) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def _span(event: Event, at: float) -> Span:
    began = max(0.0, at - event["took"])
    return Span(
        event["key"],
        event["action"],
        event.get("notebook", ""),
        event["ok"],
        began,
        acted=began + event["waited"],
        sent=began + event["sent"],
        accepted=at,
        settled=at if event.get("ready") else None,
        needs=tuple(event.get("needs", ())),
        after=tuple(event.get("after", ())),
    )


def _settle(spans: list[Span], key: str, at: float) -> None:
    for index in reversed(range(len(spans))):
        if spans[index].key == key:
            spans[index] = replace(spans[index], settled=at)
            return


def _critical(spans: list[Span]) -> tuple[tuple[Span, float], ...]:
    """From what ended last, back over what each had to wait for last."""
    if not spans:
        return ()
    span = max(spans, key=lambda one: one.end)
    chain = [(span, span.end)]
    while before := _last_before(span, spans):
        span = before[0]
        chain.append(before)
    return tuple(reversed(chain))


def _last_before(span: Span, spans: list[Span]) -> tuple[Span, float] | None:
    """What let a change begin when it did: a need, or what the same notebook did before it."""
    found = [(other, moment) for other in spans if other is not span and (moment := _lets(other, span)) is not None]
    earlier = [pair for pair in found if pair[1] <= span.acted + _EPSILON and pair[0].began < span.began + _EPSILON]
    earlier = [pair for pair in earlier if pair[0].acted < span.acted]  # so that the chain has an end
    return max(earlier, key=lambda pair: pair[1], default=None)


def _lets(other: Span, span: Span) -> float | None:
    """From when on one change lets another one go; None when it has nothing to do with it."""
    if span.action == "delete":
        return other.end if span.key in other.needs or other.notebook != span.notebook else None
    if other.key in span.after:
        return other.end
    if other.key in span.needs or other.notebook == span.notebook:
        return other.accepted
    return None
