"""CloudWatch alarms: evaluated as the documentation says, told to whom they name, and written down."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum

from embedded_aws.account import backends
from embedded_aws.services.cloudwatch import actions
from embedded_aws.services.cloudwatch import evaluator as watching
from embedded_aws.services.cloudwatch.datapoints import Sample, Watched, key_of, statistic, window
from embedded_aws.services.cloudwatch.evaluation import ALARM, INSUFFICIENT_DATA, OK, Point, Rule, judge
from embedded_aws.services.cloudwatch.notifications import subject
from embedded_aws.services.cloudwatch.reasons import reason
from embedded_aws.testing import eventually
from services.errors import raises

NOON = datetime(2026, 1, 2, 12)  # as moto keeps it: UTC without saying so
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
    (least, row, missing, state)
    for least, table in ((None, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, states in table.items()
    for missing, state in zip(TREATMENTS, states, strict=True)
]
POINTS = st.lists(st.one_of(st.none(), st.floats(0, 20)), min_size=6, max_size=6)


def row_of(row):
    """Data points, the newest first, of a row of AWS's tables; the threshold is 10."""
    values = {"0": 1.0, "X": 11.0}
    return [None if sign == "-" else Point(0.0, values[sign], 1.0) for sign in reversed(row.split())]


@pytest.mark.parametrize(("least", "row", "missing", "state"), ROWS)
def test_missing_data_is_treated_as_in_awss_tables(least, row, missing, state):
    """Each row of the documentation, for each of the four treatments."""
    assert judge(Rule("GreaterThanThreshold", 10.0, 3, least, missing), row_of(row)).state == state


@given(POINTS, st.integers(1, 4), st.integers(1, 4), st.sampled_from(TREATMENTS))
def test_with_enough_data_the_treatment_of_missing_data_is_of_no_account(values, periods, least, missing):
    """Then exactly the newest real data points decide, M out of N."""
    points = [None if value is None else Point(0.0, value, 1.0) for value in values]
    rule = Rule("GreaterThanThreshold", 10.0, periods, min(least, periods), missing)
    there = [value for value in values[: rule.reach] if value is not None][:periods]
    if len(there) == periods:
        breaching = sum(value > 10.0 for value in there)
        assert judge(rule, points).state == (ALARM if breaching >= rule.least else OK)


@given(POINTS, st.integers(1, 4), st.sampled_from(TREATMENTS))
def test_worse_data_never_end_an_alarm(values, periods, missing):
    """A data point that turns to the wrong side does not make an alarm of ALARM anything else."""
    rule = Rule("GreaterThanOrEqualToThreshold", 10.0, periods, None, missing)
    points = [None if value is None else Point(0.0, value, 1.0) for value in values]
    worse = [point and Point(0.0, point.value + 10.0, 1.0) for point in points]
    if judge(rule, points).state == ALARM:
        assert judge(rule, worse).state == ALARM


@pytest.mark.parametrize(
    ("comparison", "above", "equal", "below"),
    [
        ("GreaterThanThreshold", ALARM, OK, OK),
        ("GreaterThanOrEqualToThreshold", ALARM, ALARM, OK),
        ("LessThanThreshold", OK, OK, ALARM),
        ("LessThanOrEqualToThreshold", OK, ALARM, ALARM),
    ],
)
def test_the_comparison_is_the_alarms(comparison, above, equal, below):
    """The threshold itself is on the side that the operator says."""
    rule = Rule(comparison, 10.0, 1)
    assert [judge(rule, [Point(0.0, value, 1.0)]).state for value in (11.0, 10.0, 9.0)] == [above, equal, below]


@pytest.mark.parametrize(
    ("rule", "row", "before", "told"),
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
def test_the_reason_is_worded_as_by_cloudwatch(rule, row, before, told):
    """A program that reads the reason reads here what it reads on AWS."""
    assert reason(rule, judge(rule, row_of(row)), before) == told


@pytest.mark.parametrize(
    ("name", "value"),
    [("Average", 4.0), ("Sum", 12.0), ("Minimum", 1.0), ("Maximum", 8.0), ("SampleCount", 3.0), ("p50", 3.0)],
)
def test_statistics_are_what_their_names_say(name, value):
    """Of three values in one period."""
    assert statistic(name, [Sample(0.0, one, one, one, 1.0) for one in (8.0, 1.0, 3.0)]) == value


def test_statistics_of_statistics():
    """StatisticValues count as often as they say; a percentile cannot be told from them."""
    samples = [Sample(0.0, 1.0, 9.0, 30.0, 5.0), Sample(0.0, 20.0, 20.0, 20.0, 1.0)]
    found = [statistic(name, samples) for name in ("Average", "SampleCount", "Maximum", "p99")]
    assert found == [50 / 6, 6.0, 20.0, None]


def test_a_period_is_missing_only_when_it_is_over():
    """Data count in the period of their timestamp, in the unit that is asked for, and not before their time."""
    rows = [(125, 4.0, "Count"), (119, 3.0, "Count"), (60, 1.0, "Count"), (59, 9.0, "Seconds"), (500, 9.0, "Count")]
    data = [
        MetricDatum("N", "m", value, [], datetime.fromtimestamp(at, UTC).replace(tzinfo=None), unit)
        for at, value, unit in rows
    ]
    watched = Watched(key_of("N", "m", []), "Sum", 60, "Count")

    def values(now):
        return [point and point.value for point in window(data, watched, 3, now)]

    assert values(130) == [4.0, 4.0, None]
    assert values(185) == [4.0, 4.0, None]
    assert values(245) == [None, 4.0, 4.0]


class Watch:
    """A metric, an alarm on it, and a queue that hears from the topic which the alarm tells."""

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

    def found(self):
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
        return alarm

    def becomes(self, state):
        """The alarm, as soon as it is in a state."""
        return eventually(lambda: self.found() if self.found()["StateValue"] == state else None)

    def told(self):
        """What has come to the queue since the last time: subject and message."""
        bodies = [
            json.loads(message["Body"])
            for message in self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        ]
        return [(body["Subject"], json.loads(body["Message"])) for body in bodies]

    def history(self, kind):
        found = self.cloudwatch.describe_alarm_history(AlarmName="errors", HistoryItemType=kind)["AlarmHistoryItems"]
        return [item["HistorySummary"] for item in found]


@pytest.fixture
def watch(aws):
    return Watch(aws)


def test_an_alarm_follows_its_metric(watch):
    """It begins without data, and comes into ALARM and back by itself; its history outlives it."""
    watch.alarm()
    assert (watch.found()["StateValue"], watch.found()["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    watch.put(9)
    alarm = watch.becomes("ALARM")
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 datapoint [9.0 (")
    data = json.loads(alarm["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"], data["period"]) == (
        [9.0],
        5.0,
        "Maximum",
        60,
    )
    watch.alarm(Threshold=20.0)
    assert "was not greater than the threshold (20.0)" in watch.becomes("OK")["StateReason"]
    assert watch.history("StateUpdate") == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
    ]
    watch.cloudwatch.delete_alarms(AlarmNames=["errors"])
    pages = watch.cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName="errors",
        HistoryItemType="ConfigurationUpdate",
        ScanBy="TimestampAscending",
        PaginationConfig={"PageSize": 1},
    )
    summaries = [item["HistorySummary"] for page in pages for item in page["AlarmHistoryItems"]]
    assert summaries == ['Alarm "errors" created', 'Alarm "errors" updated', 'Alarm "errors" deleted']
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert watch.cloudwatch.describe_alarm_history(StartDate=later)["AlarmHistoryItems"] == []


def test_several_periods_are_told_apart(watch):
    """Two out of three minutes have to be bad, whenever they were reported; other dimensions are other metrics.

    The metric may be named in either of two forms.
    """
    metric = {"Namespace": "App", "MetricName": "Errors", "Dimensions": [{"Name": "Tier", "Value": "web"}]}
    watch.cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Metrics=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p90"}, "ReturnData": True}],
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    watch.put(9, 9, 9, 9, 9, tier="batch")
    watch.put(1, 1, 9)
    watch.becomes("OK")
    watch.put(9, 1)
    alarm = watch.becomes("ALARM")
    assert "2 out of the last 3 datapoints" in alarm["StateReason"]
    assert json.loads(alarm["StateReasonData"])["statistic"] == "p90"


def test_a_topic_is_told_of_a_change_as_by_cloudwatch(watch):
    """Once per change, in the JSON that subscribers of AWS read."""
    watch.alarm(AlarmDescription="too many", OKActions=[watch.topic], TreatMissingData="notBreaching")
    watch.becomes("OK")
    watch.put(9)
    watch.becomes("ALARM")
    (first, ok), (second, alarm) = watch.told()
    assert (first, second) == ('OK: "errors" in US West (Oregon)', 'ALARM: "errors" in US West (Oregon)')
    assert (ok["OldStateValue"], ok["NewStateValue"]) == ("INSUFFICIENT_DATA", "OK")
    assert (alarm["OldStateValue"], alarm["NewStateValue"], alarm["AlarmName"]) == ("OK", "ALARM", "errors")
    assert alarm["AlarmDescription"] == "too many"
    assert alarm["NewStateReason"] == watch.found()["StateReason"]
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
    watch.put(10)
    watch.cloudwatch.describe_alarms()
    assert watch.told() == []


def test_a_subject_is_cut_to_what_sns_takes():
    """A long name does not lose the message."""

    class Alarm:
        name, state_value = "n" * 200, "ALARM"

    class Backend:
        region_name = "us-west-2"

    assert len(subject(Backend, Alarm)) == 100
    assert subject(Backend, Alarm).endswith('n..." in US West (Oregon)')


def test_actions_that_are_disabled_or_impossible_do_nothing(watch):
    """The state changes all the same; the history tells of an action that failed."""
    watch.alarm(ActionsEnabled=False)
    watch.put(9)
    watch.becomes("ALARM")
    assert (watch.told(), watch.history("Action")) == ([], [])
    gone = watch.topic + "-gone"
    watch.alarm(AlarmActions=[gone], Threshold=50.0)
    watch.becomes("OK")
    watch.alarm(AlarmActions=[gone, watch.topic])
    watch.becomes("ALARM")
    sent, failed = watch.history("Action")
    assert sent == f"Successfully executed action {watch.topic}"
    assert failed.startswith(f"Failed to execute action {gone}. Received error:")


def test_a_state_that_is_set_lasts_until_the_next_evaluation(watch):
    """For a game day: the actions are run, and the alarm comes back by itself."""
    watch.alarm()
    watch.put(1)
    watch.becomes("OK")
    watch.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="game day")
    assert (watch.found()["StateValue"], watch.found()["StateReason"]) == ("ALARM", "game day")
    assert [message["NewStateReason"] for _, message in watch.told()] == ["game day"]
    watch.becomes("OK")
    with raises("ValidationError", "enum value set"):
        watch.cloudwatch.set_alarm_state(AlarmName="errors", StateValue="BAD", StateReason="x")
    with raises("ResourceNotFound"):
        watch.cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")


def test_a_heartbeat_without_news_costs_nothing(monkeypatch):
    """Data are read once, and judged once in a period and not again before there are more."""
    backend, judged = stopped_clock(monkeypatch), []
    monkeypatch.setattr(watching, "judge", lambda *about: judged.append(about) or judge(*about))
    backend.put_metric_alarm("a", "N", "m", "GreaterThanThreshold", 1, 3600, 5.0, "Maximum", "", [], [])
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 9.0, "Timestamp": NOON}])
    assert watching.tick()
    assert not any(watching.tick() for _ in range(10))
    before = len(judged)
    assert before == 2  # once for the news, once for the new state
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 1.0, "Timestamp": NOON}])
    assert not any(watching.tick() for _ in range(10))
    assert len(judged) == before + 1


def test_only_scaling_actions_are_repeated_while_the_state_lasts(monkeypatch):
    """Once a minute, with what is measured by then; a topic is told once."""
    backend, done = stopped_clock(monkeypatch), []
    monkeypatch.setattr(actions.triggered, "execute_for_alarm", lambda alarm, arn, data: done.append(json.loads(data)))
    monkeypatch.setattr(actions.notifications, "publish", lambda *about: done.append("told"))
    names = ["arn:aws:sns:us-west-2:123456789012:ops", "arn:aws:autoscaling:us-west-2:123456789012:scalingPolicy:p"]
    backend.put_metric_alarm("a", "N", "m", "GreaterThanThreshold", 1, 3600, 5.0, "Maximum", "", [], names)
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 9.0, "Timestamp": NOON}])
    assert watching.tick()
    assert (done.pop(0), done.pop(0)["recentDatapoints"], done) == ("told", [9.0], [])
    backend.put_metric_data("N", [{"MetricName": "m", "Value": 11.0, "Timestamp": NOON}])
    stopped_clock(monkeypatch, backend, seconds=59)
    assert not watching.tick()
    stopped_clock(monkeypatch, backend, seconds=61)
    assert watching.tick()
    assert not watching.tick()
    assert [data["recentDatapoints"] for data in done] == [[11.0]]


def stopped_clock(monkeypatch, backend=None, seconds=0):
    """An account of alarms alone, on which time stands still, so many seconds after noon."""
    backend = backend or CloudWatchBackend("us-west-2", "123456789012")
    monkeypatch.setattr(backends, "existing", lambda service: [backend])
    monkeypatch.setattr(watching.time, "time", lambda: NOON.replace(tzinfo=UTC).timestamp() + seconds)
    return backend
