"""Validation of alarms."""

from services.errors import raises, unchanged

ALARM = {
    "AlarmName": "errors",
    "Namespace": "App",
    "MetricName": "Errors",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def test_invalid_alarms_are_rejected(aws):
    """A valid one, with a percentile and a short period, is accepted."""
    cloudwatch = aws.client("cloudwatch")
    invalid = [
        ({"Period": 7}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"Period": 90}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"ComparisonOperator": "Bigger"}, "Value 'Bigger' at 'comparisonOperator' failed to satisfy constraint"),
        ({"Statistic": None}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"ExtendedStatistic": "p99"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"DatapointsToAlarm": 3}, "must not be greater than EvaluationPeriods"),
    ]
    with unchanged(cloudwatch.describe_alarms):
        for changed, words in invalid:
            params = {name: value for name, value in (ALARM | changed).items() if value is not None}
            with raises("ValidationError", words):
                cloudwatch.put_metric_alarm(**params)
    percentile = {name: value for name, value in ALARM.items() if name != "Statistic"}
    cloudwatch.put_metric_alarm(**percentile | {"ExtendedStatistic": "p99", "Period": 10, "DatapointsToAlarm": 2})
    (found,) = cloudwatch.describe_alarms()["MetricAlarms"]
    assert (found["ExtendedStatistic"], found["Period"]) == ("p99", 10)
