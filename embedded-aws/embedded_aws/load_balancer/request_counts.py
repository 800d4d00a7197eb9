"""How many requests the load balancers had, and how they were answered, since somebody asked last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Counts:
    """The requests of one load balancer to one target group."""

    requests: int = 0
    target_errors: int = 0  # 5xx of a target
    own_errors: int = 0  # 5xx of the load balancer itself
    seconds: list[float] = field(default_factory=list)  # until the response of a target begins


class RequestCounts:
    """Counts requests by load balancer and target group; any thread may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: defaultdict[tuple[str, str], Counts] = defaultdict(Counts)

    def add(self, balancer: str, group: str, status: int, seconds: float | None) -> None:
        """Count a request.

        Args:
            balancer: The name of the load balancer.
            group: The ARN of the target group.
            status: Of the response.
            seconds: Until the response of the target began; None where no target responded.
        """
        with self._lock:
            counts = self._counts[balancer, group]
            counts.requests += 1
            if seconds is None:
                counts.own_errors += status >= 500
            else:
                counts.target_errors += status >= 500
                counts.seconds.append(seconds)

    def take(self) -> dict[tuple[str, str], Counts]:
        """Return the counts since the last call, and start anew."""
        with self._lock:
            counts, self._counts = dict(self._counts), defaultdict(Counts)
        return counts
