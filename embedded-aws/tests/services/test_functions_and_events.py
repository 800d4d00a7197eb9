"""Lambda and EventBridge, as far as a function that an event calls needs them."""

import io
import json
import zipfile
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from embedded_aws import pace
from embedded_aws.services.awslambda import invocations
from embedded_aws.services.awslambda.invocations import Invocation
from embedded_aws.services.codedeploy import notices
from embedded_aws.services.events import delivery
from embedded_aws.testing import eventually
from tests.support.trusted_keys import trust


def package():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("it.py", "def handler(event, context): pass")
    return packed.getvalue()


class Account:
    def __init__(self, aws):
        self.aws, self.functions = aws, aws.client("lambda")
        self.role = aws.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=trust("lambda"))["Role"]["Arn"]

    def create(self, **changed):
        code = {"ZipFile": package()}
        wanted = {"FunctionName": "f", "Role": self.role, "Runtime": "python3.13", "Handler": "it.handler"}
        return self.functions.create_function(**wanted | {"Code": code} | changed)

    def refusal(self, call):
        with pytest.raises(ClientError) as error:
            call()
        return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.fixture
def account(aws):
    return Account(aws)


def test_lambda_must_be_able_to_assume_the_role(account):
    other = account.aws.client("iam").create_role(RoleName="o", AssumeRolePolicyDocument=trust("ec2"))["Role"]["Arn"]
    refused = ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    assert account.refusal(lambda: account.create(Role=other)) == refused
    account.create()
    update = account.functions.update_function_configuration
    assert account.refusal(lambda: update(FunctionName="f", Role=other)) == refused


def test_a_function_takes_its_time_and_one_update_at_a_time(account):
    account.aws.control("pace", "0.1")
    try:
        assert account.create()["State"] == "Pending"
        state = lambda: account.functions.get_function(FunctionName="f")["Configuration"]  # noqa: E731
        update = account.functions.update_function_configuration
        code, _ = account.refusal(lambda: update(FunctionName="f", Timeout=9))
        assert code == "ResourceConflictException"
        eventually(lambda: state()["State"] == "Active")
        update(FunctionName="f", Timeout=9)
        assert state()["LastUpdateStatus"] == "InProgress"
        eventually(lambda: state()["LastUpdateStatus"] == "Successful")
    finally:
        account.aws.control("pace", "0")


def test_the_id_of_a_statement_is_unique(account):
    account.create()
    allow = {"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    account.functions.add_permission(FunctionName="f", **allow)
    code, message = account.refusal(lambda: account.functions.add_permission(FunctionName="f", **allow))
    assert (code, "already exists" in message) == ("ResourceConflictException", True)
    assert len(json.loads(account.functions.get_policy(FunctionName="f")["Policy"])["Statement"]) == 1


@pytest.fixture
def queued(monkeypatch):
    """What reaches the functions."""
    found = []
    monkeypatch.setattr(invocations, "enqueue", lambda backend, name, event: found.append((name, event)))
    return found


def statement(rule):
    condition = {"ArnLike": {"AWS:SourceArn": rule}}
    who = {"Service": "events.amazonaws.com"}
    return {"Effect": "Allow", "Principal": who, "Action": "lambda:InvokeFunction", "Condition": condition}


def test_a_rule_calls_the_functions_that_allow_it(queued, monkeypatch):
    """Where their pattern matches and they are enabled; the event has CodeDeploy's own form."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:f"
    function = SimpleNamespace(function_name="f", policy=SimpleNamespace(statements=[]))
    backend = SimpleNamespace(get_function=lambda name: function)
    monkeypatch.setattr(delivery.backends, "backend", lambda service, region: backend)
    pattern = json.dumps({"source": ["aws.codedeploy"], "detail": {"state": ["FAILURE"]}})
    rule = delivery.Rule("r", "123456789012", "us-west-2", None, pattern, None, None, "default", None)
    rule.targets = [{"Id": "1", "Arn": arn}]
    event = {"source": "aws.codedeploy", "detail": {"state": "FAILURE"}, "time": 0.0}
    rule.send_to_targets(event)
    assert queued == []
    function.policy.statements.append(statement("arn:aws:events:us-west-2:123456789012:rule/other"))
    rule.send_to_targets(event)
    assert queued == []
    function.policy.statements.append(statement(rule.arn))
    rule.send_to_targets(event)
    assert queued == [("f", event | {"time": "1970-01-01T00:00:00Z"})]
    rule.send_to_targets(event | {"detail": {"state": "START"}})
    rule.disable()
    rule.send_to_targets(event)
    assert len(queued) == 1


def test_the_notice_of_a_deployment(monkeypatch):
    """https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html"""
    sent = []
    monkeypatch.setattr(notices, "publish", lambda *event: sent.append(event))
    backend = SimpleNamespace(
        region_name="us-west-2", _application_arn=lambda a: f"app {a}", _deployment_group_arn=lambda a, g: f"group {g}"
    )
    deployment = SimpleNamespace(application_name="a", deployment_group_name="g", deployment_id="d-1", status="Stopped")
    notices.publish_state(backend, {"deploymentGroupId": "id"}, deployment)
    ((region, source, kind, resources, detail),) = sent
    assert (region, source, kind) == ("us-west-2", "aws.codedeploy", "CodeDeploy Deployment State-change Notification")
    assert resources == ["app a", "group g"]
    assert detail == {
        "region": "us-west-2", "deploymentId": "d-1", "instanceGroupId": "id", "deploymentGroup": "g",
        "application": "a", "state": "STOP",
    }  # fmt: skip


def test_a_function_that_fails_is_called_three_times(monkeypatch):
    """After one minute, and after two more; in a rehearsal sooner, but never at once."""
    monkeypatch.setattr(invocations.time, "time", lambda: 1000.0)
    backend, one = SimpleNamespace(), Invocation("f", {})
    vars(backend)["invocations"] = {one.request_id: one}
    pace.set_factor(1)
    try:
        waits = []
        for _ in range(2):
            invocations.conclude(backend, one, succeeded=False)
            waits.append(one.due - 1000)
        pace.set_factor(0)
        again = Invocation("f", {})
        invocations.conclude(backend, again, succeeded=False)
    finally:
        pace.set_factor(0)
    assert (waits, again.due - 1000) == ([60, 120], 10)
    invocations.conclude(backend, one, succeeded=False)
    assert vars(backend)["invocations"] == {}
