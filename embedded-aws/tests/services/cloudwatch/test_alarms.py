"""CloudWatch alarms: evaluated as documented, with their actions and their history."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum

from embedded_aws.account import backends
from embedded_aws.services.cloudwatch import actions, datapoints, evaluator
from embedded_aws.services.cloudwatch.datapoints import AlarmMetric, Sample, key_of, statistic, window
from embedded_aws.services.cloudwatch.evaluation import ALARM, INSUFFICIENT_DATA, OK, Point, Rule, evaluate
from embedded_aws.services.cloudwatch.notifications import subject
from embedded_aws.services.cloudwatch.reasons import reason
from embedded_aws.testing import eventually
from services.errors import raises

NOON = datetime(2026, 1, 2, 12)  # UTC without a time zone, as moto stores it
KEEP = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: the oldest first
THREE_OF_THREE = {
    "0 - X - X": (OK, OK, OK, OK),
    "0 - - - -": (OK, OK, OK, OK),
    "- - - - -": (INSUFFICIENT_DATA, KEEP, ALARM, OK),
    "0 X X - X": (ALARM, ALARM, ALARM, ALARM),
    "- - X - -": (ALARM, KEEP, ALARM, OK),
    "- - - - X": (INSUFFICIENT_DATA, KEEP, ALARM, OK),
}
TWO_OF_THREE = {
    "0 - X - X": (ALARM, ALARM, ALARM, ALARM),
    "0 0 X 0 X": (ALARM, ALARM, ALARM, ALARM),
    "0 - X - -": (OK, OK, ALARM, OK),
    "- - - - 0": (OK, OK, ALARM, OK),
    "- - - X -": (ALARM, KEEP, ALARM, OK),
}
ROWS = [
    (required, row, missing, state)
    for required, table in ((None, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, states in table.items()
    for missing, state in zip(TREATMENTS, states, strict=True)
]
POINTS = st.lists(st.one_of(st.none(), st.floats(0, 20)), min_size=6, max_size=6)


def row_of(row):
    """Data points, the newest first, of a row of AWS's tables; the threshold is 10."""
    values = {"0": 1.0, "X": 11.0}
    return [None if sign == "-" else Point(0.0, values[sign], 1.0) for sign in reversed(row.split())]


@pytest.mark.parametrize(("required", "row", "missing", "state"), ROWS)
def test_missing_data_is_treated_as_in_awss_tables(required, row, missing, state):
    """Each row of the documentation, for each of the four treatments."""
    assert evaluate(Rule("GreaterThanThreshold", 10.0, 3, required, missing), row_of(row)).state == state


@given(POINTS, st.integers(1, 4), st.integers(1, 4), st.sampled_from(TREATMENTS))
def test_with_enough_data_the_treatment_of_missing_data_does_not_matter(values, periods, required, missing):
    """The newest present data points decide, M out of N."""
    points = [None if value is None else Point(0.0, value, 1.0) for value in values]
    rule = Rule("GreaterThanThreshold", 10.0, periods, min(required, periods), missing)
    present = [value for value in values[: rule.range_size] if value is not None][:periods]
    if len(present) == periods:
        breaching = sum(value > 10.0 for value in present)
        assert evaluate(rule, points).state == (ALARM if breaching >= rule.required else OK)


@given(POINTS, st.integers(1, 4), st.sampled_from(TREATMENTS))
def test_worse_data_never_end_an_alarm(values, periods, missing):
    """With more breaching data points, ALARM stays ALARM."""
    rule = Rule("GreaterThanOrEqualToThreshold", 10.0, periods, None, missing)
    points = [None if value is None else Point(0.0, value, 1.0) for value in values]
    worse = [point and Point(0.0, point.value + 10.0, 1.0) for point in points]
    if evaluate(rule, points).state == ALARM:
        assert evaluate(rule, worse).state == ALARM


@pytest.mark.parametrize(
    ("comparison", "above", "equal", "below"),
    [
        ("GreaterThanThreshold", ALARM, OK, OK),
        ("GreaterThanOrEqualToThreshold", ALARM, ALARM, OK),
        ("LessThanThreshold", OK, OK, ALARM),
        ("LessThanOrEqualToThreshold", OK, ALARM, ALARM),
    ],
)
def test_the_comparison_operator_is_used(comparison, above, equal, below):
    """Values above, equal to and below the threshold."""
    rule = Rule(comparison, 10.0, 1)
    assert [evaluate(rule, [Point(0.0, value, 1.0)]).state for value in (11.0, 10.0, 9.0)] == [above, equal, below]


@pytest.mark.parametrize(
    ("rule", "row", "before", "expected"),
    [
        (
            Rule("GreaterThanThreshold", 10.0, 1),
            "X",
            OK,
            "Threshold Crossed: 1 datapoint [11.0 (01/01/70 00:00:00)] was greater than the threshold (10.0).",
        ),
        (
            Rule("GreaterThanThreshold", 10.0, 2, 2),
            "X X",
            OK,
            "Threshold Crossed: 2 out of the last 2 datapoints [11.0 (01/01/70 00:00:00), 11.0 (01/01/70 00:00:00)] "
            "were greater than the threshold (10.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            Rule("GreaterThanOrEqualToThreshold", 10.0, 3, 2),
            "0 0 X",
            ALARM,
            "Threshold Crossed: 2 out of the last 3 datapoints [1.0 (01/01/70 00:00:00), 1.0 (01/01/70 00:00:00)] "
            "were not greater than or equal to the threshold (10.0) "
            "(minimum 2 datapoints for ALARM -> OK transition).",
        ),
        (
            Rule("LessThanThreshold", 10.0, 2, None, "breaching"),
            "- -",
            OK,
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
            "[Breaching].",
        ),
        (
            Rule("GreaterThanThreshold", 10.0, 1, None, "notBreaching"),
            "-",
            INSUFFICIENT_DATA,
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching].",
        ),
        (Rule("GreaterThanThreshold", 10.0, 1), "-", OK, "Insufficient Data: 1 datapoint was unknown."),
    ],
)
def test_the_reason_has_the_text_of_cloudwatch(rule, row, before, expected):
    """For each state, with and without missing data."""
    assert reason(rule, evaluate(rule, row_of(row)), before) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("Average", 4.0), ("Sum", 12.0), ("Minimum", 1.0), ("Maximum", 8.0), ("SampleCount", 3.0), ("p50", 3.0)],
)
def test_statistics_are_computed(name, value):
    """Of three values in one period."""
    assert statistic(name, [Sample(0.0, one, one, one, 1.0) for one in (8.0, 1.0, 3.0)]) == value


def test_statistics_are_computed_from_statistic_sets():
    """They count as often as their sample count; a percentile cannot be computed from them."""
    samples = [Sample(0.0, 1.0, 9.0, 30.0, 5.0), Sample(0.0, 20.0, 20.0, 20.0, 1.0)]
    found = [statistic(name, samples) for name in ("Average", "SampleCount", "Maximum", "p99")]
    assert found == [50 / 6, 6.0, 20.0, None]


def test_a_period_is_missing_only_when_it_is_over():
    """Data count in the period of their timestamp and in the requested unit; future data do not count yet."""
    rows = [(125, 4.0, "Count"), (119, 3.0, "Count"), (60, 1.0, "Count"), (59, 9.0, "Seconds"), (500, 9.0, "Count")]
    data = [
        MetricDatum("N", "m", value, [], datetime.fromtimestamp(at, UTC).replace(tzinfo=None), unit)
        for at, value, unit in rows
    ]
    metric = AlarmMetric(key_of("N", "m", []), "Sum", 60, "Count")

    def values(now):
        return [point and point.value for point in window(data, metric, 3, now)]

    assert values(130) == [4.0, 4.0, None]
    assert values(185) == [4.0, 4.0, None]
    assert values(245) == [None, 4.0, 4.0]


class Monitored:
    """A metric, an alarm on it, and a queue that is subscribed to the topic of the alarm."""

    def __init__(self, aws):
        self.cloudwatch, self.sns, self.sqs = (aws.client(name) for name in ("cloudwatch", "sns", "sqs"))
        self.topic = self.sns.create_topic(Name="ops")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="ops")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)

    def alarm(self, **changes):
        """Put the alarm `errors`: more than five in one minute."""
        self.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": "errors",
                "Namespace": "App",
                "MetricName": "Errors",
                "Dimensions": [{"Name": "Tier", "Value": "web"}],
                "Statistic": "Maximum",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 5.0,
                "ComparisonOperator": "GreaterThanThreshold",
                "AlarmActions": [self.topic],
            }
            | changes
        )

    def put(self, *values, tier="web", **changes):
        """Report values, one for each minute, the last one for now."""
        now = datetime.now(UTC)
        dimensions = [{"Name": "Tier", "Value": tier}]
        data = [
            {
                "MetricName": "Errors",
                "Dimensions": dimensions,
                "Value": value,
                "Timestamp": now - timedelta(minutes=ago),
            }
            for ago, value in enumerate(reversed(values))
        ]
        self.cloudwatch.put_metric_data(Namespace="App", MetricData=[datum | changes for datum in data])

    def described(self):
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
        return alarm

    def becomes(self, state):
        """Wait until the alarm is in a state; return it."""
        return eventually(lambda: self.described() if self.described()["StateValue"] == state else None)

    def notifications(self):
        """Return subject and message of the notifications since the last call."""
        bodies = [
            json.loads(message["Body"])
            for message in self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        ]
        return [(body["Subject"], json.loads(body["Message"])) for body in bodies]

    def history(self, kind):
        found = self.cloudwatch.describe_alarm_history(AlarmName="errors", HistoryItemType=kind)["AlarmHistoryItems"]
        return [item["HistorySummary"] for item in found]


@pytest.fixture
def monitored(aws):
    return Monitored(aws)


def test_an_alarm_follows_its_metric(monitored):
    """It starts with INSUFFICIENT_DATA, changes to ALARM and back; its history outlives it."""
    monitored.alarm()
    assert (monitored.described()["StateValue"], monitored.described()["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    monitored.put(9)
    alarm = monitored.becomes("ALARM")
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 datapoint [9.0 (")
    data = json.loads(alarm["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"], data["period"]) == (
        [9.0],
        5.0,
        "Maximum",
        60,
    )
    monitored.alarm(Threshold=20.0)
    assert "was not greater than the threshold (20.0)" in monitored.becomes("OK")["StateReason"]
    assert monitored.history("StateUpdate") == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]
    monitored.cloudwatch.delete_alarms(AlarmNames=["errors"])
    pages = monitored.cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName="errors",
        HistoryItemType="ConfigurationUpdate",
        ScanBy="TimestampAscending",
        PaginationConfig={"PageSize": 1},
    )
    summaries = [item["HistorySummary"] for page in pages for item in page["AlarmHistoryItems"]]
    assert summaries == ['Alarm "errors" created', 'Alarm "errors" updated', 'Alarm "errors" deleted']
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert monitored.cloudwatch.describe_alarm_history(StartDate=later)["AlarmHistoryItems"] == []


def test_several_periods_are_evaluated(monitored):
    """Two out of three minutes have to breach, whenever they were reported; other dimensions are other metrics.

    The metric may be named in either of two forms.
    """
    metric = {"Namespace": "App", "MetricName": "Errors", "Dimensions": [{"Name": "Tier", "Value": "web"}]}
    monitored.cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Metrics=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p90"}, "ReturnData": True}],
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    monitored.put(9, 9, 9, 9, 9, tier="batch")
    monitored.put(1, 1, 9)
    monitored.becomes("OK")
    monitored.put(9, 1)
    alarm = monitored.becomes("ALARM")
    assert "2 out of the last 3 datapoints" in alarm["StateReason"]
    assert json.loads(alarm["StateReasonData"])["statistic"] == "p90"


def test_a_change_is_published_to_a_topic(monitored):
    """Once per change, with the JSON of CloudWatch."""
    monitored.alarm(AlarmDescription="too many", OKActions=[monitored.topic], TreatMissingData="notBreaching")
    monitored.becomes("OK")
    monitored.put(9)
    monitored.becomes("ALARM")
    (first, ok), (second, alarm) = monitored.notifications()
    assert (first, second) == ('OK: "errors" in US West (Oregon)', 'ALARM: "errors" in US West (Oregon)')
    assert (ok["OldStateValue"], ok["NewStateValue"]) == ("INSUFFICIENT_DATA", "OK")
    assert (alarm["OldStateValue"], alarm["NewStateValue"], alarm["AlarmName"]) == ("OK", "ALARM", "errors")
    assert alarm["AlarmDescription"] == "too many"
    assert alarm["NewStateReason"] == monitored.described()["StateReason"]
    assert alarm["Trigger"] == {
        "MetricName": "Errors",
        "Namespace": "App",
        "StatisticType": "Statistic",
        "Statistic": "MAXIMUM",
        "Unit": None,
        "Dimensions": [{"value": "web", "name": "Tier"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }
    monitored.put(10)
    monitored.cloudwatch.describe_alarms()
    assert monitored.notifications() == []


def test_a_long_subject_is_shortened():
    """To the 100 characters that SNS accepts."""

    class Alarm:
        name, state_value = "n" * 200, "ALARM"

    class Backend:
        region_name = "us-west-2"

    assert len(subject(Backend, Alarm)) == 100
    assert subject(Backend, Alarm).endswith('n..." in US West (Oregon)')


def test_actions_that_are_disabled_or_impossible_do_nothing(monitored):
    """The state still changes; the history has the failed action."""
    monitored.alarm(ActionsEnabled=False)
    monitored.put(9)
    monitored.becomes("ALARM")
    assert (monitored.notifications(), monitored.history("Action")) == ([], [])
    gone = monitored.topic + "-gone"
    monitored.alarm(AlarmActions=[gone], Threshold=50.0)
    monitored.becomes("OK")
    monitored.alarm(AlarmActions=[gone, monitored.topic])
    monitored.becomes("ALARM")
    succeeded, failed = monitored.history("Action")
    assert succeeded == f"Successfully executed action {monitored.topic}"
    assert failed.startswith(f"Failed to execute action {gone}. Received error:")


def test_a_state_that_is_set_lasts_until_the_next_evaluation(monitored):
    """For a game day: the actions are run, and the alarm comes back by itself."""
    monitored.alarm()
    monitored.put(1)
    monitored.becomes("OK")
    monitored.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="game day")
    assert (monitored.described()["StateValue"], monitored.described()["StateReason"]) == ("ALARM", "game day")
    assert [message["NewStateReason"] for _, message in monitored.notifications()] == ["game day"]
    monitored.becomes("OK")
    with raises("ValidationError", "enum value set"):
        monitored.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="BAD", StateReason="x")
    with raises("ResourceNotFound"):
        monitored.cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")


def test_a_tick_without_new_data_evaluates_nothing(monkeypatch):
    """Data are read once, and evaluated once per period until there are more."""
    backend, evaluations = stopped_clock(monkeypatch), []
    monkeypatch.setattr(evaluator, "evaluate", lambda *args: evaluations.append(args) or evaluate(*args))
    backend.put_metric_alarm("a", "N", "m", "GreaterThanThreshold", 1, 3600, 5.0, "Maximum", "", [], [])
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 9.0, "Timestamp": NOON}])
    assert evaluator.tick()
    assert not any(evaluator.tick() for _ in range(10))
    before = len(evaluations)
    assert before == 2  # once for the new data, once for the new state
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 1.0, "Timestamp": NOON}])
    assert not any(evaluator.tick() for _ in range(10))
    assert len(evaluations) == before + 1


def test_only_scaling_actions_are_repeated_while_the_state_lasts(monkeypatch):
    """Once a minute, with the newest data; a topic is notified once."""
    backend, done = stopped_clock(monkeypatch), []
    monkeypatch.setattr(actions.triggered, "execute_for_alarm", lambda alarm, arn, data: done.append(json.loads(data)))
    monkeypatch.setattr(actions.notifications, "publish", lambda *args: done.append("published"))
    names = ["arn:aws:sns:us-west-2:123456789012:ops", "arn:aws:autoscaling:us-west-2:123456789012:scalingPolicy:p"]
    backend.put_metric_alarm("a", "N", "m", "GreaterThanThreshold", 1, 3600, 5.0, "Maximum", "", [], names)
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 9.0, "Timestamp": NOON}])
    assert evaluator.tick()
    assert (done.pop(0), done.pop(0)["recentDatapoints"], done) == ("published", [9.0], [])
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 11.0, "Timestamp": NOON}])
    stopped_clock(monkeypatch, backend, seconds=59)
    assert not evaluator.tick()
    stopped_clock(monkeypatch, backend, seconds=61)
    assert evaluator.tick()
    assert not evaluator.tick()
    assert [data["recentDatapoints"] for data in done] == [[11.0]]


def stopped_clock(monkeypatch, backend=None, seconds=0):
    """Return a CloudWatch backend as the only one, with the clock stopped some seconds after noon."""
    backend = backend or CloudWatchBackend("us-west-2", "123456789012")
    monkeypatch.setattr(backends, "existing", lambda service: [backend])
    monkeypatch.setattr(evaluator.time, "time", lambda: NOON.replace(tzinfo=UTC).timestamp() + seconds)
    return backend


def test_the_newest_data_are_kept_and_the_index_follows(monkeypatch):
    """A server that stays up for weeks would grow with each datum."""
    monkeypatch.setattr(datapoints, "MAX_DATA", 10)
    backend, index = CloudWatchBackend("us-west-2", "123456789012"), datapoints.Index()
    for number in range(25):
        backend.put_metric_data("Web", [{"MetricName": "Load", "Value": number, "Timestamp": NOON}])
        index.read_new(backend.metric_data)
        newest = [datum.value for datum in index.data_of(("Web", "Load", frozenset()))]
        assert newest == list(range(max(0, number + 1 - len(newest)), number + 1))
        assert min(number + 1, 9) <= len(newest) <= 10
