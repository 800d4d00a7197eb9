"""Data points: the data that put_metric_data stored, aggregated per period."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from math import ceil
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend, MetricDatum

from embedded_aws import minutes
from embedded_aws.patching import Method, patch
from embedded_aws.services.cloudwatch.evaluation import Point

Key = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class AlarmMetric:
    """The one metric that an alarm evaluates, with statistic, period (seconds) and unit."""

    key: Key
    statistic: str
    period: int
    unit: str | None

    @property
    def real_period(self) -> float:
        """How long a period takes here."""
        return self.period * minutes.factor(self.key[0])

    def describe(self) -> dict[str, Any]:
        """Return the fields of it that the reason of a state contains."""
        return {"statistic": self.statistic, "period": self.period, "unit": self.unit}


@dataclass(frozen=True)
class Sample:
    """The data of one call for one time: a value, or the statistics of several."""

    at: float
    low: float
    high: float
    total: float
    count: float


def metric_of(alarm: Any) -> AlarmMetric | None:
    """Return the metric of an alarm; None for metric math, which is not evaluated here."""
    if alarm.metric_name:
        key = key_of(alarm.namespace, alarm.metric_name, alarm.dimensions)
        return AlarmMetric(key, alarm.statistic or alarm.extended_statistic, int(alarm.period), alarm.unit)
    if len(alarm.metric_data_queries) != 1 or not alarm.metric_data_queries[0].metric_stat:
        return None
    query = alarm.metric_data_queries[0].metric_stat
    key = key_of(query.metric.namespace, query.metric.metric_name, query.metric.dimensions)
    return AlarmMetric(key, query.stat, int(query.period), query.unit)


def key_of(namespace: str, name: str, dimensions: Iterable[Any]) -> Key:
    """Return the key of a metric: each combination of dimensions is a metric of its own.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension
    """
    return namespace, name, frozenset((dimension.name, dimension.value) for dimension in dimensions)


MAX_DATA = 50_000
"""The newest data that are kept, of all metrics."""


@patch(CloudWatchBackend, "put_metric_data")
def drop_old_data(moto: Method, backend: Any, *args: Any, **options: Any) -> None:
    """Drop the oldest data, as AWS does by their age, so that the account does not grow for ever.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
    """
    moto(backend, *args, **options)
    if len(backend.metric_data) > MAX_DATA:
        backend.metric_data = backend.metric_data[-MAX_DATA * 9 // 10 :]


class Index:
    """An index by metric of moto's one list of all data, which is read incrementally."""

    def __init__(self) -> None:
        self._data: Sequence[Any] = ()
        self._read = 0
        self._by_metric: defaultdict[Key, list[Any]] = defaultdict(list)

    def read_new(self, data: Sequence[Any]) -> None:
        """Add the data that are new since the last call."""
        if data is not self._data or len(data) < self._read:
            self._data, self._read = data, 0
            self._by_metric.clear()
        for datum in data[self._read :]:
            self._by_metric[key_of(datum.namespace, datum.name, datum.dimensions)].append(datum)
        self._read = len(data)

    def data_of(self, key: Key) -> list[Any]:
        """Return the data of a metric, in the order of their arrival."""
        return self._by_metric.get(key, [])


def window(data: Iterable[Any], metric: AlarmMetric, periods: int, now: float) -> list[Point | None]:
    """Return the data points of the newest periods, the newest first; None for a period without data.

    The current period is included once it has data, and is not missing before it is over: AWS waits for its end.
    """
    newest = int(now // metric.real_period)
    buckets: defaultdict[int, list[Sample]] = defaultdict(list)
    for datum in data:
        number = int(_seconds(datum) // metric.real_period)
        if newest - periods <= number <= newest and metric.unit in (None, datum.unit):
            buckets[number].append(_sample(datum))
    first = newest if newest in buckets else newest - 1
    return [
        _point(number * metric.real_period, buckets.get(number), metric) for number in range(first, first - periods, -1)
    ]


def _point(start: float, samples: list[Sample] | None, metric: AlarmMetric) -> Point | None:
    value = statistic(metric.statistic, samples) if samples else None
    return None if value is None or not samples else Point(start, value, sum(sample.count for sample in samples))


def statistic(name: str, samples: list[Sample]) -> float | None:
    """Return a statistic of samples; None if it cannot be computed.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
    """
    total, count = sum(sample.total for sample in samples), sum(sample.count for sample in samples)
    if name == "Average":
        return total / count if count else None
    if percentile := re.fullmatch(r"p(\d+(?:\.\d+)?)", name):
        return _percentile(float(percentile[1]), samples)
    return {
        "Sum": total,
        "SampleCount": count,
        "Minimum": min(sample.low for sample in samples),
        "Maximum": max(sample.high for sample in samples),
    }.get(name)


def _percentile(percent: float, samples: list[Sample]) -> float | None:
    """Return a percentile by the nearest rank; for statistic sets only if all their values are equal, as on AWS.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html (ExtendedStatistic)
    """
    if any(sample.low != sample.high for sample in samples):
        return None
    ordered = sorted(samples, key=lambda sample: sample.low)
    rank, cumulative = max(1, ceil(percent / 100 * sum(sample.count for sample in ordered))), 0.0
    for sample in ordered:
        cumulative += sample.count
        if cumulative >= rank:
            return sample.low
    return None


def _sample(datum: Any) -> Sample:
    at = _seconds(datum)
    if isinstance(datum, MetricDatum):
        return Sample(at, datum.value, datum.value, datum.value, 1.0)
    return Sample(at, datum.min, datum.max, datum.sum, datum.sample_count)


def _seconds(datum: Any) -> float:
    time = datum.timestamp if datum.timestamp.tzinfo else datum.timestamp.replace(tzinfo=UTC)
    return float(time.timestamp())
