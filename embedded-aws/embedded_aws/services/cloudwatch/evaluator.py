"""All alarms, evaluated at every heartbeat.

AWS evaluates an alarm about once a minute, after the end of a period. The embedded AWS does so as soon as there are
data or a period ends, over the newest data by their timestamps: a rehearsal sees in a moment what takes minutes on AWS.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from embedded_aws.account import backends
from embedded_aws.services.cloudwatch import actions, datapoints, states
from embedded_aws.services.cloudwatch.evaluation import COMPARISONS, Rule, Verdict, judge
from embedded_aws.services.cloudwatch.reasons import reason, reason_data
from embedded_aws.ticker import run_each

log = logging.getLogger(__name__)


@dataclass
class Seen:
    """What was looked at the last time, so that a heartbeat without news costs nothing."""

    index: datapoints.Index = field(default_factory=datapoints.Index)
    marks: dict[str, tuple[Any, ...]] = field(default_factory=dict)


_seen: WeakKeyDictionary[Any, Seen] = WeakKeyDictionary()


def tick() -> bool:
    """Evaluate every metric alarm that may have come into another state."""
    changed = False
    for backend in backends.existing("cloudwatch"):
        if backend.alarms:
            seen = _seen.setdefault(backend, Seen())
            seen.index.read_on(backend.metric_data)
            changed |= run_each([(backend, alarm, seen) for alarm in backend.alarms.values()], lambda one: _look(*one))
    return changed


def rule_of(alarm: Any) -> Rule:
    """What an alarm compares."""
    to_alarm = int(alarm.datapoints_to_alarm) if alarm.datapoints_to_alarm else None
    missing = alarm.treat_missing_data or "missing"
    periods = int(alarm.evaluation_periods)
    return Rule(alarm.comparison_operator, float(alarm.threshold), periods, to_alarm, missing)


def _look(backend: Any, alarm: Any, seen: Seen) -> bool:
    """Whether an alarm has changed its state or acted again."""
    watched = None if alarm.rule or alarm.comparison_operator not in COMPARISONS else datapoints.watched(alarm)
    if watched is None or states.is_held(alarm):
        return False
    data, now, again = seen.index.of(watched.key), time.time(), actions.repeats(alarm, watched.period)
    mark = (alarm.configuration_updated_timestamp, alarm.state_updated_timestamp, len(data), now // watched.period)
    if seen.marks.get(alarm.name) == mark and not again:
        return False
    rule = rule_of(alarm)
    verdict = judge(rule, datapoints.window(data, watched, rule.reach, now))
    found = reason_data(rule, verdict, watched.described(), now)
    if verdict.state not in (None, alarm.state_value):
        return _become(backend, alarm, rule, verdict, found)
    seen.marks[alarm.name] = mark
    if again:
        actions.repeat(backend, alarm, found)
    return again


def _become(backend: Any, alarm: Any, rule: Rule, verdict: Verdict, found: str) -> bool:
    before, state = alarm.state_value, str(verdict.state)
    states.change(backend, alarm, state, reason(rule, verdict, before), found)
    log.info("alarm %s: %s -> %s", alarm.name, before, state)
    return True
