"""Why a deployment failed: on which server, at which step, with which last words."""

import pytest

from runbook_lib.resources.deployment_failure import first_failure


class Answers:
    """CodeDeploy's answers about the targets of a deployment."""

    def __init__(self, *targets):
        self.targets, self.asked = {target["instanceTarget"]["targetId"]: target for target in targets}, []

    def all(self, service, operation, result, **request):
        assert (service, operation, result) == ("codedeploy", "list_deployment_targets", "targetIds")
        assert request == {"deploymentId": "d-1"}
        return list(self.targets)

    def get(self, service, operation, **request):
        assert (service, operation) == ("codedeploy", "batch_get_deployment_targets")
        assert request["deploymentId"] == "d-1"
        self.asked.append(request["targetIds"])
        return {"deploymentTargets": [self.targets[name] for name in request["targetIds"]]}


def server(name, *events):
    return {"instanceTarget": {"targetId": name, "lifecycleEvents": list(events)}}


def event(name, status="Succeeded", **diagnostics):
    return {"lifecycleEventName": name, "status": status} | ({"diagnostics": diagnostics} if diagnostics else {})


def test_the_first_failed_step_is_named_with_its_script_and_its_last_lines():
    log = "\n".join(f"line {number}" for number in range(12))
    failed = event(
        "ValidateService",
        "Failed",
        errorCode="ScriptFailed",
        scriptName="hooks/validate",
        message="exit 1",
        logTail=log,
    )
    answers = Answers(
        server("i-1", event("BeforeInstall"), event("ValidateService")),
        server("i-2", event("BeforeInstall"), failed, event("AllowTraffic", "Failed")),
        server("i-3", event("BeforeInstall", "Failed", errorCode="UnknownError")),
    )
    head, *tail = first_failure(answers, "d-1")
    assert head == "ValidateService on i-2: ScriptFailed in hooks/validate. exit 1"
    assert tail == [f"  | line {number}" for number in range(4, 12)]


@pytest.mark.parametrize(
    ("diagnostics", "line"),
    [
        ({}, "Install on i-1: failed, and CodeDeploy gives no reason."),
        ({"errorCode": "", "scriptName": "", "message": ""}, "Install on i-1: failed, and CodeDeploy gives no reason."),
        ({"errorCode": "ScriptTimedOut", "scriptName": "a"}, "Install on i-1: ScriptTimedOut in a."),
        ({"errorCode": "ScriptMissing", "message": "no a"}, "Install on i-1: ScriptMissing. no a"),
    ],
)
def test_what_codedeploy_does_not_say_is_left_out(diagnostics, line):
    answers = Answers(server("i-1", event("Install", "Failed", **diagnostics)))
    assert first_failure(answers, "d-1") == [line]


@pytest.mark.parametrize("status", ["Succeeded", "Skipped", "Pending", "InProgress", "Unknown"])
def test_without_a_failed_step_there_is_no_reason(status):
    answers = Answers(server("i-1", event("Install", status)), server("i-2"), server("i-3", event("Install", status)))
    assert first_failure(answers, "d-1") == []


def test_of_many_servers_twenty_five_are_asked_for_at_once():
    """The maximum of BatchGetDeploymentTargets; the failed one is the last."""
    fine = [server(f"i-{number}", event("Install")) for number in range(55)]
    answers = Answers(*fine, server("i-99", event("Install", "Failed")))
    assert first_failure(answers, "d-1")[0].startswith("Install on i-99: ")
    assert [len(names) for names in answers.asked] == [25, 25, 6]
    assert first_failure(Answers(), "d-1") == []


def test_targets_that_are_gone_meanwhile_give_no_reason():
    answers = Answers(server("i-1", event("Install", "Failed")))
    answers.get = lambda *words, **request: None
    assert first_failure(answers, "d-1") == []
    answers.get = lambda *words, **request: {"deploymentTargets": [{"lambdaTarget": {}}]}
    assert first_failure(answers, "d-1") == []


def test_a_server_without_a_name_is_told_with_a_question_mark():
    """Of targets of other kinds, of servers without steps and of answers without targets nothing is told."""
    failed = {"instanceTarget": {"lifecycleEvents": [event("Install", "Failed")]}}
    answers = Answers(server("i-1"))
    for targets in ([failed], [{}, {"lambdaTarget": {}}, {"instanceTarget": {}}, failed]):
        answers.get = lambda *words, targets=targets, **request: {"deploymentTargets": targets}
        assert first_failure(answers, "d-1") == ["Install on ?: failed, and CodeDeploy gives no reason."]
    answers.get = lambda *words, **request: {}
    assert first_failure(answers, "d-1") == []


@pytest.mark.parametrize("lines", [1, 8, 9])
def test_at_most_eight_lines_of_a_script_are_told(lines):
    log = [f"line {number}" for number in range(lines)]
    answers = Answers(server("i-1", event("Install", "Failed", errorCode="X", logTail="\n".join(log))))
    assert first_failure(answers, "d-1") == ["Install on i-1: X.", *(f"  | {line}" for line in log[-8:])]
