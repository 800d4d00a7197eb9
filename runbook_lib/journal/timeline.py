"""Compute from the journal when each change of a run happened, and the critical path of the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from .reader import Event

_EPSILON = 0.05
"""Seconds by which the times of two events may be out of order."""


@dataclass(frozen=True)
class Span:
    """One change; all times are in seconds since the start of the run.

    Args:
        queued: When the change began to wait for its dependencies.
        started: When its dependencies were there, and its first request was sent.
        sent: When AWS had accepted its last request.
        accepted: When the resource was observed in its desired state; others can use its id from then on.
        settled: When the resource was observed to be ready, or deleted; ``None`` when it was not observed.
        dependencies: The keys of the resources that it depends on.
        ready_dependencies: Those of them that had to be ready.
    """

    key: str
    action: str
    notebook: str
    ok: bool
    queued: float
    started: float
    sent: float
    accepted: float
    settled: float | None
    dependencies: tuple[str, ...] = ()
    ready_dependencies: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        """The time of its last known step."""
        return self.accepted if self.settled is None else self.settled

    @property
    def duration(self) -> float:
        """Seconds from queued to the end; of a delete from its start, since all deletes are queued at once."""
        return self.end - (self.started if self.action == "delete" else self.queued)


@dataclass(frozen=True)
class Timeline:
    """The changes of a run.

    Args:
        spans: The changes in the order in which they were queued.
        makespan: The duration of the run in seconds.
        critical: The critical path: each change with the time from which on the next one could start.
    """

    spans: tuple[Span, ...]
    makespan: float
    critical: tuple[tuple[Span, float], ...]


def build_timeline(events: Iterable[Event]) -> Timeline:
    """Build the timeline of a run from the events of its journal."""
    timed = [event for event in events if "at" in event]
    if not timed:
        return Timeline((), 0.0, ())
    zero = min(map(_at, timed))
    spans: list[Span] = []
    for event in timed:
        if event["event"] == "change" and "took" in event:
            spans.append(_span(event, _at(event) - zero))
        elif event["event"] == "settled":
            _settle(spans, event["key"], _at(event) - zero)
    spans.sort(key=lambda span: (span.queued, span.started))
    return Timeline(tuple(spans), max(map(_at, timed)) - zero, _critical_path(spans))


def _at(event: Event) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def _span(event: Event, at: float) -> Span:
    queued = max(0.0, at - event["took"])
    return Span(
        event["key"],
        event["action"],
        event.get("notebook", ""),
        event["ok"],
        queued,
        started=queued + event["waited"],
        sent=queued + event["sent"],
        accepted=at,
        settled=at if event.get("ready") else None,
        dependencies=tuple(event.get("needs", ())),
        ready_dependencies=tuple(event.get("after", ())),
    )


def _settle(spans: list[Span], key: str, at: float) -> None:
    for index in reversed(range(len(spans))):
        if spans[index].key == key:
            spans[index] = replace(spans[index], settled=at)
            return


def _critical_path(spans: list[Span]) -> tuple[tuple[Span, float], ...]:
    """Return the chain from the change that ended last, back over the change that each one waited for last."""
    if not spans:
        return ()
    span = max(spans, key=lambda span: span.end)
    chain = [(span, span.end)]
    while previous := _last_before(span, spans):
        span = previous[0]
        chain.append(previous)
    return tuple(reversed(chain))


def _last_before(span: Span, spans: list[Span]) -> tuple[Span, float] | None:
    """Return the change that a change waited for last, and when that ended its wait."""
    pairs = [(other, time) for other in spans if (time := _unblocks_at(other, span)) is not None]
    earlier = [pair for pair in pairs if pair[1] <= span.started + _EPSILON and pair[0].queued < span.queued + _EPSILON]
    earlier = [pair for pair in earlier if pair[0].started < span.started]  # not itself, and so that the chain ends
    return max(earlier, key=lambda pair: pair[1], default=None)


def _unblocks_at(other: Span, span: Span) -> float | None:
    """Return the time from which on *other* does not block *span*; None when it never does.

    A change waits for its dependencies and for the earlier changes of the same notebook.
    """
    if span.action == "delete":
        return other.end if span.key in other.dependencies or other.notebook != span.notebook else None
    if other.key in span.ready_dependencies:
        return other.end
    if other.key in span.dependencies or other.notebook == span.notebook:
        return other.accepted
    return None
