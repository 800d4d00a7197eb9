"""Who wrote to a thing last: the writes of others since the last one of this runbook, or why that is not known."""

import json
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from runbook_lib.engine.history import GLOBAL_REGION, NOTHING, Answer, History, Write
from runbook_lib.errors import NoAccess, RequestRejected
from runbook_lib.resources.alarm import Alarm
from runbook_lib.resources.role import Role
from runbook_lib.resources.vpc import Vpc

ANN = "arn:aws:sts::123456789012:assumed-role/admin/ann"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
VPC = Vpc(name="main", cidr="10.0.0.0/16")


def event(name="ModifyVpcAttribute", minutes=0, agent="console", source="ec2", read="false", **details):
    told = {"userIdentity": {"arn": ANN}, "userAgent": agent, **details}
    at = (NOON - timedelta(minutes=minutes)).astimezone(timezone(timedelta(hours=2)))
    return {"EventName": name, "ReadOnly": read, "EventTime": at, "EventSource": f"{source}.amazonaws.com",
            "CloudTrailEvent": json.dumps(told)}  # fmt: skip


class Trail:
    """CloudTrail with these events by name, in every region; notes what it was asked."""

    def __init__(self, error=None, **events):
        self.events, self.error, self.asked = events, error, []

    def connect(self, region):
        def lookup_events(**request):
            (wanted,) = request["LookupAttributes"]
            self.asked.append((region, wanted["AttributeKey"], wanted["AttributeValue"]))
            if self.error:
                raise self.error
            return {"Events": self.events.get(wanted["AttributeValue"], [])}

        return SimpleNamespace(cloudtrail=SimpleNamespace(lookup_events=lookup_events))

    def ask(self, *names, resource=VPC):
        return History(self.connect, "us-west-2").last_writes(names, resource)


OURS = "Boto3/1 runbook/1 run/20261129T1-apply-1a2b"


def test_the_writes_of_others_since_our_own_last_one():
    seen = [event("A"), event("Looked", 1, read="true"), event("B", 2), event("Refused", 3, errorCode="Denied"),
            event("Ours", 4, agent=OURS), event("Older", 5)]  # fmt: skip
    writes = Trail(vpc=seen).ask("vpc").writes
    assert [write.event for write in writes] == ["A", "B"]
    assert str(writes[1]) == f"B by {ANN} at 2026-11-29 11:58:00 UTC"


def test_a_run_of_ours_is_named_when_nobody_else_wrote_since():
    (write,) = Trail(vpc=[event(agent=OURS), event("Older", 5)]).ask("vpc").writes
    assert (write.event, write.run) == ("ModifyVpcAttribute", "20261129T1-apply-1a2b")
    assert "(run 20261129T1-apply-1a2b)" in str(write)


def test_only_three_are_told():
    assert len(Trail(vpc=[event(str(number)) for number in range(9)]).ask("vpc").writes) == 3


def test_the_first_name_that_it_knows_counts_and_none_is_asked_twice():
    trail = Trail(one=[], two=[event()], three=[event("Other")])
    answer = trail.ask("", "one", "one", "two", "three")
    assert [(write.event, write.on) for write in answer.writes] == [("ModifyVpcAttribute", "two")]
    assert [name for _, _, name in trail.asked] == ["one", "two"]


def test_another_service_has_things_of_the_same_name():
    role = Role(name="web", service="ec2.amazonaws.com")
    trail = Trail(web=[event("Launch", source="autoscaling"), event("UpdateAssumeRolePolicy", source="iam")])
    assert [write.event for write in trail.ask("web", resource=role).writes] == ["UpdateAssumeRolePolicy"]
    assert trail.asked == [(GLOBAL_REGION, "ResourceName", "web")]
    assert [write.event for write in trail.ask("web", resource=None).writes] == ["Launch", "UpdateAssumeRolePolicy"]


def test_the_source_of_alarms_has_another_name():
    alarm = Alarm(name="a", metric="m", dimensions=(), statistic="Sum", comparison=">", threshold=1, periods=1,
                  topic=None, why="-")  # fmt: skip
    assert Trail(a=[event("PutMetricAlarm", source="monitoring")]).ask("a", resource=alarm).writes


def test_why_it_is_not_known():
    assert Trail().ask("vpc").unknown == NOTHING
    assert "90 days" in NOTHING
    assert "15 minutes" in NOTHING


@pytest.mark.parametrize(
    ("code", "why"),
    [("AccessDeniedException", "no permission for cloudtrail:LookupEvents"), ("Broken", "LookupEvents was refused")],
)
def test_once_refused_it_is_not_asked_again(code, why):
    error = RequestRejected("LookupEvents was refused", fix="-", code=code, message="", retryable=False)
    trail = Trail(error)
    history = History(trail.connect, "us-west-2")
    assert history.last_writes(["a", "b"]).unknown == why
    assert history.last_writes(["c"]).unknown == why
    assert len(trail.asked) == 1


@pytest.mark.parametrize(
    ("details", "by"),
    [
        ({}, ANN), ({"userIdentity": {"invokedBy": "autoscaling"}}, "autoscaling"),
        ({"userIdentity": {"arn": ANN, "invokedBy": "autoscaling"}}, ANN), ({"userIdentity": {}}, "an AWS service"),
    ],
)  # fmt: skip
def test_who_wrote_is_told_as_far_as_it_is_known(details, by):
    write = Write("ModifyVpcAttribute", "vpc", by, "2026-11-29 12:00:00 UTC")
    assert Trail(vpc=[event(**details)]).ask("vpc") == Answer((write,))
    assert write.run == ""
    assert str(write) == f"ModifyVpcAttribute by {by} at 2026-11-29 12:00:00 UTC"


def test_an_event_without_details_names_its_user():
    bare = {name: value for name, value in event().items() if name not in ("CloudTrailEvent", "ReadOnly")}
    (write,) = Trail(vpc=[bare | {"Username": "ann"}]).ask("vpc").writes
    assert (write.by, write.run) == ("ann", "")


def test_ours_of_an_earlier_name_is_told_when_no_other_has_any():
    trail = Trail(one=[event("Ours", agent=OURS)], two=[event("OursToo", 1, agent=OURS)], three=[])
    assert [(write.event, write.on) for write in trail.ask("one", "two", "three").writes] == [("Ours", "one")]


def test_each_region_has_one_client():
    role, connected = Role(name="web", service="ec2.amazonaws.com"), []
    trail = Trail()
    history = History(lambda region: connected.append(region) or trail.connect(region), "us-west-2")
    for resource in (VPC, role, VPC, role, None):
        history.last_writes(["a"], resource)
    assert connected == ["us-west-2", GLOBAL_REGION]


def test_credentials_that_may_not_ask_are_a_reason_too():
    history = History(Trail(NoAccess("AWS does not know these.\nMore.", fix="Sign in.")).connect, "us-west-2")
    assert history.last_writes(["a"], VPC) == Answer(unknown="AWS does not know these.")
