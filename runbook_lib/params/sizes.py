"""Rules for scaling, and for a network without a way out: several parameters together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .problem import Problem, Raw

_CPU = 100


def size_problems(raw: Raw) -> Iterator[Problem]:
    """Yield the problems of the sizes: each zone keeps a server, and nothing is larger than its maximum."""
    compute, network = raw.get("compute"), raw.get("network")
    if not isinstance(compute, Mapping) or not isinstance(network, Mapping):
        return
    zones = network.get("zones")
    least = len(zones) if isinstance(zones, Mapping) else 1
    scaling, most = compute.get("scaling"), compute.get("max_per_zone", 2)
    if isinstance(scaling, Mapping):
        others = least * most if isinstance(most, int) else None
        yield from _range(("compute", "scaling"), scaling, least, others)
        target = scaling.get("target")
        if scaling.get("metric") == "cpu" and isinstance(target, int | float) and target > _CPU:
            yield Problem(("compute", "scaling", "target"), target, f"is in percent; write at most {_CPU}")
    schedules = compute.get("schedules")
    names: set[Any] = set()
    for number, schedule in enumerate(schedules if isinstance(schedules, list | tuple) else ()):
        if isinstance(schedule, Mapping):
            at, name = ("compute", "schedules", number), schedule.get("name")
            yield from _range(at, schedule, least, None)
            if isinstance(name, str) and name in names:
                yield Problem((*at, "name"), name, "is the name of another schedule")
            names |= {name} if isinstance(name, str) else set()


def _range(at: tuple[Any, ...], sizes: Raw, zones: int, most: int | None) -> Iterator[Problem]:
    minimum, maximum = _size(sizes.get("minimum")), _size(sizes.get("maximum"))
    if minimum and minimum < zones:
        yield Problem((*at, "minimum"), minimum, f"is less than one server in each of the {zones} zones")
    largest, smallest = maximum or most, minimum or zones
    if largest and smallest > largest:
        field = "maximum" if maximum else "minimum"
        why = f"is less than the minimum of {smallest}" if maximum else f"is more than max_per_zone allows: {largest}"
        yield Problem((*at, field), maximum or minimum, why)


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def way_out_problems(raw: Raw) -> Iterator[Problem]:
    """Yield what servers without a way to the internet cannot do.

    CodeDeploy's agent gets a revision of GitHub from GitHub itself.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-partners-github.html
    """
    network, deploy = raw.get("network"), raw.get("deploy")
    from_github = isinstance(deploy, Mapping) and deploy.get("source") == "github"
    if isinstance(network, Mapping) and network.get("nat") == "none" and from_github:
        yield Problem(("network", "nat"), "none", "leaves no way to GitHub, which deploy.source: github needs")
