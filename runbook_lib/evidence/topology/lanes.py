"""By which lane each speaker's line runs, so that no two lie on each other."""

from __future__ import annotations

from collections.abc import Mapping

Span = tuple[float, float]


def lanes(spans: Mapping[str, Span], apart: float = 4) -> dict[str, int]:
    """The lane of each span: the shortest lie innermost, and those that never meet share one."""
    taken: list[list[Span]] = []
    found: dict[str, int] = {}
    for own, (top, bottom) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1], item[0])):
        free = (n for n, others in enumerate(taken) if all(bottom + apart < a or b + apart < top for a, b in others))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((top, bottom))
        found[own] = lane
    return found
