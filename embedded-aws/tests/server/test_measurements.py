"""What the embedded AWS measures of what runs: as CloudWatch has it, at the pace, where an alarm watches it."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from embedded_aws import minutes
from embedded_aws.account import backends
from embedded_aws.load_balancer.request_counts import RequestCounts
from embedded_aws.process_registry import OWNER_VARIABLE, REGISTRY_VARIABLE
from embedded_aws.server import measurements
from embedded_aws.server.measurements import Measurements
from embedded_aws.services.cloudwatch import evaluator

BALANCER = SimpleNamespace(
    name="web",
    arn="arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/web/1a",
    region_name="us-west-2",
)
GROUP = SimpleNamespace(
    arn="arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/2b",
    targets={"i-1": {}, "i-2": {}, "i-3": {}},
)
STATES = {"i-1": "healthy", "i-2": "healthy", "i-3": "unhealthy"}
BOTH = {"LoadBalancer": "app/web/1a", "TargetGroup": "targetgroup/web/2b"}


@pytest.fixture
def cloudwatch(monkeypatch):
    backend = backends.backend("cloudwatch")
    backend.reset()
    monkeypatch.setattr(measurements, "checked_groups", lambda: [GROUP])
    monkeypatch.setattr(measurements, "balancers_of", lambda group: [BALANCER])
    yield backend
    minutes._installed.clear()
    backend.reset()


@pytest.fixture
def clock(monkeypatch):
    """A clock that both modules read."""
    now = SimpleNamespace(at=1_800_000_000.0)
    monkeypatch.setattr("time.time", lambda: now.at)
    return now


def alarm(backend, metric, threshold=100.0, dimensions=None, **more):
    given = {
        "namespace": "AWS/ApplicationELB", "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 3,
        "period": 60, "statistic": "Sum", "description": "", "alarm_actions": [], "treat_missing_data": None,
    }  # fmt: skip
    named = [{"Name": name, "Value": value} for name, value in (dimensions or BOTH).items()]
    return backend.put_metric_alarm(
        name=metric, metric_name=metric, threshold=threshold, dimensions=named, **given | more
    )


def data_of(backend):
    return {datum.name: (datum.sum, datum.sample_count) for datum in backend.metric_data}


def test_the_load_is_measured_per_minute_of_real_time(cloudwatch, clock):
    """A minute takes three seconds at pace 0, and a threshold means the same load as on AWS."""
    counts = RequestCounts()
    measured = Measurements(counts, lambda group, name: STATES[name], "mark")
    for name in ("RequestCountPerTarget", "UnHealthyHostCount", "HTTPCode_Target_5XX_Count", "TargetResponseTime"):
        alarm(cloudwatch, name)
    assert measured.tick()
    cloudwatch.metric_data.clear()
    assert not measured.tick()
    for number in range(12):
        counts.add("web", GROUP.arn, 500 if number == 0 else 200, 0.25)
    clock.at += 3
    assert measured.tick()
    found = data_of(cloudwatch)
    assert found["RequestCountPerTarget"] == (12 * 20 / 2, 1.0)  # two of the targets are healthy
    assert found["UnHealthyHostCount"] == (1.0, 1.0)
    assert found["HTTPCode_Target_5XX_Count"] == (20.0, 1.0)
    assert found["TargetResponseTime"] == (0.25, 1.0)
    assert {tuple(sorted((d.name, d.value) for d in one.dimensions)) for one in cloudwatch.metric_data} == {
        tuple(sorted(BOTH.items()))
    }


def test_what_no_alarm_watches_is_not_kept(cloudwatch, clock):
    measured = Measurements(RequestCounts(), lambda group, name: STATES[name], "mark")
    assert not measured.tick()
    assert cloudwatch.metric_data == []


def test_an_alarm_on_the_load_begins_and_ends_at_the_pace(cloudwatch, clock):
    """Three minutes above the target, then fifteen seconds of three-second minutes without a request."""
    minutes.install(measurements.minute_factor)
    counts = RequestCounts()
    measured = Measurements(counts, lambda group, name: STATES[name], "mark")
    watched = alarm(cloudwatch, "RequestCountPerTarget")
    states = []
    for requests in (50, 50, 50, 50, 0, 0, 0):
        for _ in range(requests):
            counts.add("web", GROUP.arn, 200, 0.01)
        clock.at += 3
        measured.tick()
        evaluator.tick()
        states.append(watched.state_value)
    assert states[3] == "ALARM"
    assert states[-1] == "OK"


def test_what_others_put_has_real_minutes(cloudwatch, clock):
    minutes.install(measurements.minute_factor)
    assert minutes.factor("webapp") == 1.0
    assert minutes.factor("AWS/ApplicationELB") == 0.05


def test_processors_are_those_of_the_processes_of_the_instances(cloudwatch, clock, monkeypatch):
    used = {"i-1": 10.0, "i-2": 10.0}

    def process(owner):
        times = SimpleNamespace(user=used[owner], system=0.0)
        mark = {REGISTRY_VARIABLE: "mark", OWNER_VARIABLE: f"{owner} webapp.service"}
        return SimpleNamespace(environ=lambda: mark, cpu_times=lambda: times)

    monkeypatch.setattr(measurements.psutil, "process_iter", lambda: [process(owner) for owner in used])
    states = [SimpleNamespace(instance=SimpleNamespace(id=name)) for name in used]
    monkeypatch.setattr(measurements, "groups", lambda: [SimpleNamespace(name="web", instance_states=states)])
    group = {"AutoScalingGroupName": "web"}
    alarm(cloudwatch, "CPUUtilization", 50.0, group, namespace="AWS/EC2", statistic="Average")
    measured = Measurements(RequestCounts(), lambda group, name: STATES[name], "mark")
    measured.tick()
    used |= {"i-1": 13.0, "i-2": 11.5}
    clock.at += 3
    assert measured.tick()
    assert data_of(cloudwatch)["CPUUtilization"] == (150.0, 2.0)


def test_data_are_kept_for_a_while_only(cloudwatch, clock, monkeypatch):
    """A rehearsal may run for weeks; the time of the newest is the end of its minute."""
    monkeypatch.setattr(measurements, "MOST_DATA", 10)
    monkeypatch.setattr(measurements, "KEPT_DATA", 5)
    alarm(cloudwatch, "RequestCountPerTarget")
    measured = Measurements(RequestCounts(), lambda group, name: STATES[name], "mark")
    for _ in range(30):
        clock.at += 3
        measured.tick()
    assert len(cloudwatch.metric_data) <= 10
    newest = cloudwatch.metric_data[-1].timestamp.replace(tzinfo=UTC)
    assert newest < datetime.fromtimestamp(clock.at, UTC)
