"""Assign a lane to each vertical line of the drawing, so that no two lines overlap."""

from __future__ import annotations

from collections.abc import Mapping

Span = tuple[float, float]
"""Top and bottom of a line."""


def assign_lanes(spans: Mapping[str, Span], gap: float = 4) -> dict[str, int]:
    """The lane of each line, by its key: short lines are innermost, and lines that are *gap* apart share a lane."""
    taken: list[list[Span]] = []
    lanes: dict[str, int] = {}
    for key, (top, bottom) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1], item[0])):
        free = (n for n, others in enumerate(taken) if all(bottom + gap < a or b + gap < top for a, b in others))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((top, bottom))
        lanes[key] = lane
    return lanes
