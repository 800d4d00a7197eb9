"""Evaluation of all alarms at every tick.

AWS evaluates an alarm about once a minute, after the end of a period. The embedded AWS does so as soon as there are
new data or a period ends, so that a rehearsal sees at once what takes minutes on AWS.
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
from embedded_aws.services.cloudwatch.evaluation import COMPARISONS, Evaluation, Rule, evaluate
from embedded_aws.services.cloudwatch.reasons import reason, reason_data
from embedded_aws.ticker import run_each

log = logging.getLogger(__name__)


@dataclass
class Observed:
    """The state of the last evaluation, so that a tick without new data costs nothing."""

    index: datapoints.Index = field(default_factory=datapoints.Index)
    marks: dict[str, tuple[Any, ...]] = field(default_factory=dict)


_observed: WeakKeyDictionary[Any, Observed] = WeakKeyDictionary()


def tick() -> bool:
    """Evaluate every metric alarm whose state may have changed; return whether the account has changed."""
    changed = False
    for backend in backends.existing("cloudwatch"):
        if backend.alarms:
            observed = _observed.setdefault(backend, Observed())
            observed.index.read_new(backend.metric_data)
            changed |= run_each(
                [(backend, alarm, observed) for alarm in backend.alarms.values()], lambda one: _evaluate(*one)
            )
    return changed


def rule_of(alarm: Any) -> Rule:
    """Return the rule of an alarm."""
    to_alarm = int(alarm.datapoints_to_alarm) if alarm.datapoints_to_alarm else None
    missing = alarm.treat_missing_data or "missing"
    periods = int(alarm.evaluation_periods)
    return Rule(alarm.comparison_operator, float(alarm.threshold), periods, to_alarm, missing)


def _evaluate(backend: Any, alarm: Any, observed: Observed) -> bool:
    """Evaluate an alarm; return whether it has changed its state or repeated its actions."""
    metric = None if alarm.rule or alarm.comparison_operator not in COMPARISONS else datapoints.metric_of(alarm)
    if metric is None or states.is_held(alarm):
        return False
    data, now, repeat_due = (
        observed.index.data_of(metric.key),
        time.time(),
        actions.is_repeat_due(alarm, metric.real_period),
    )
    mark = (alarm.configuration_updated_timestamp, alarm.state_updated_timestamp, len(data), now // metric.real_period)
    if observed.marks.get(alarm.name) == mark and not repeat_due:
        return False
    rule = rule_of(alarm)
    evaluation = evaluate(rule, datapoints.window(data, metric, rule.range_size, now))
    data_json = reason_data(rule, evaluation, metric.describe(), now)
    if evaluation.state not in (None, alarm.state_value):
        return _set_state(backend, alarm, rule, evaluation, data_json)
    observed.marks[alarm.name] = mark
    if repeat_due:
        actions.repeat(backend, alarm, data_json)
    return repeat_due


def _set_state(backend: Any, alarm: Any, rule: Rule, evaluation: Evaluation, data_json: str) -> bool:
    before, state = alarm.state_value, str(evaluation.state)
    states.change(backend, alarm, state, reason(rule, evaluation, before), data_json)
    log.info("alarm %s: %s -> %s", alarm.name, before, state)
    return True
