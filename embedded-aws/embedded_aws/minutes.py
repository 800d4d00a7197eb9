"""How long a minute of AWS's own metrics takes.

Where processes run behind the account, the embedded AWS measures them itself, as often as the pace says. The alarms on
these metrics are evaluated in the same time, and the scaling that they begin waits accordingly. What somebody else
puts has real timestamps, and real minutes.
"""

from __future__ import annotations

from collections.abc import Callable

OWN = "AWS/"
"""How the namespaces of AWS's services begin.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
"""

_installed: list[Callable[[], float]] = []


def install(factor: Callable[[], float]) -> None:
    """Multiply minutes by this factor from now on."""
    _installed[:] = [factor]


def factor(namespace: str = OWN) -> float:
    """Return the factor for the minutes of a namespace; 1 where nothing is measured here."""
    return _installed[0]() if _installed and namespace.startswith(OWN) else 1.0
