"""Measurements of what runs here, as CloudWatch has them of AWS: requests and health of targets, and processors.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
from moto.cloudwatch.models import MetricAggregatedDatum

from embedded_aws import pace
from embedded_aws.account import backends
from embedded_aws.load_balancer.health_checks import balancers_of, checked_groups
from embedded_aws.load_balancer.request_counts import Counts, RequestCounts
from embedded_aws.process_registry import OWNER_VARIABLE, REGISTRY_VARIABLE
from embedded_aws.services.autoscaling.capacity import groups

MINUTE = 60.0
MIN_FACTOR = 0.05
"""A minute takes three seconds at least: counts of less say nothing."""
ELB, EC2 = "AWS/ApplicationELB", "AWS/EC2"
MOST_DATA, KEPT_DATA = 4000, 2000
"""How many data of AWS's own metrics there may be, and how many are kept then: the newest."""

Sample = tuple[float, float, float, float]
"""Minimum, maximum, number and sum."""


def minute_factor() -> float:
    """Return by what a minute of the metrics is multiplied at the current pace."""
    return max(pace.current_factor(), MIN_FACTOR)


@dataclass
class Measurements:
    """Puts data into CloudWatch at the end of each minute, of metrics that an alarm watches.

    Counts are put as per minute of real time, so that a threshold means the same load at every pace.

    Args:
        state: Returns the health of a target, by target group and instance.
        registry: The mark of the processes of this embedded AWS.
    """

    counts: RequestCounts
    state: Callable[[str, str], str]
    registry: str
    _minute: tuple[float, int] = (0.0, 0)
    _began: float = field(default_factory=time.time)
    _processors: dict[str, float] = field(default_factory=dict)

    def tick(self) -> bool:
        """Put the data of a minute that has ended; return whether there were any."""
        now, minute = time.time(), MINUTE * minute_factor()
        if self._minute == (minute, number := int(now // minute)):
            return False
        self._minute = minute, number
        elapsed, self._began = now - self._began, now
        counts, end = self.counts.take(), number * minute
        return any([self._put(backend, counts, elapsed, end) for backend in backends.existing("cloudwatch")])

    def _put(self, backend: Any, counts: Mapping[tuple[str, str], Counts], elapsed: float, end: float) -> bool:
        watched = {(alarm.namespace, alarm.metric_name) for alarm in backend.alarms.values()}
        at, changed = datetime.fromtimestamp(end - 0.001, UTC).replace(tzinfo=None), False
        data = [*_of_targets(self.state, counts, MINUTE / max(elapsed, 0.001))]
        if (EC2, "CPUUtilization") in watched:
            data += self._processors_of_groups(elapsed)
        for namespace, name, dimensions, sample in data:
            if (namespace, name) in watched:
                low, high, number, total = sample
                named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
                datum = MetricAggregatedDatum(namespace, name, low, high, number, total, named, at)
                backend.metric_data.append(datum)
                changed = True
        if len(backend.metric_data) > MOST_DATA:
            own = [datum for datum in backend.metric_data if datum.namespace in (ELB, EC2)]
            old = set(map(id, own[:-KEPT_DATA]))
            backend.metric_data = [datum for datum in backend.metric_data if id(datum) not in old]
        return changed

    def _processors_of_groups(self, elapsed: float) -> Iterator[tuple[str, str, dict[str, str], Sample]]:
        """Each instance has one processor of this machine, as far as that goes."""
        used = self._seconds_by_instance()
        before, self._processors = self._processors, used
        for group in groups():
            shares = [
                min(100.0, 100 * (used[name] - before[name]) / elapsed)
                for name in (state.instance.id for state in group.instance_states)
                if name in used and name in before and used[name] >= before[name]
            ]
            if shares:
                sample = (min(shares), max(shares), float(len(shares)), sum(shares))
                yield EC2, "CPUUtilization", {"AutoScalingGroupName": group.name}, sample

    def _seconds_by_instance(self) -> dict[str, float]:
        """Seconds of processor time that the processes of each instance have used, those that have ended excepted."""
        used: dict[str, float] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environment = process.environ()
                if environment.get(REGISTRY_VARIABLE) == self.registry:
                    owner = environment.get(OWNER_VARIABLE, "").partition(" ")[0]
                    times = process.cpu_times()
                    used[owner] = used.get(owner, 0.0) + times.user + times.system
        return used


def _of_targets(
    state: Callable[[str, str], str], counts: Mapping[tuple[str, str], Counts], per_minute: float
) -> Iterator[tuple[str, str, dict[str, str], Sample]]:
    for group in checked_groups():
        states = [state(group.arn, name) for name in group.targets]
        healthy = states.count("healthy")
        for balancer in balancers_of(group):
            own = {"LoadBalancer": balancer.arn.partition(":loadbalancer/")[2]}
            both = {**own, "TargetGroup": group.arn.rpartition(":")[2]}
            found = counts.get((balancer.name, group.arn), Counts())
            requests = found.requests * per_minute
            yield ELB, "HealthyHostCount", both, _one(healthy)
            yield ELB, "UnHealthyHostCount", both, _one(states.count("unhealthy"))
            yield ELB, "RequestCountPerTarget", both, _one(requests / max(healthy, 1))
            yield ELB, "RequestCount", own, _one(requests)
            if found.target_errors:  # reported where there are any
                yield ELB, "HTTPCode_Target_5XX_Count", both, _one(found.target_errors * per_minute)
            if found.own_errors:
                yield ELB, "HTTPCode_ELB_5XX_Count", own, _one(found.own_errors * per_minute)
            for seconds in _percentiles(found.seconds):
                yield ELB, "TargetResponseTime", both, _one(seconds)


def _one(value: float) -> Sample:
    return value, value, 1.0, value


def _percentiles(seconds: list[float]) -> list[float]:
    """Ten of the response times that stand for all of them: every percentile of ten is kept."""
    ordered = sorted(seconds)
    return [ordered[(2 * number + 1) * len(ordered) // 20] for number in range(10)] if ordered else []
