"""An account that answers exactly the calls that it is given, for the evaluations of controls."""

import json
from types import SimpleNamespace

from runbook_lib.stacks.checks.controls import EVALUATIONS
from runbook_lib.stacks.checks.controls.outcome import Outcome

EVALUATE = {name: how for own in EVALUATIONS.values() for name, how in own.items()}
NUMBER = "111111111111"


def call(service, operation, **request):
    """A call as a key of the answers."""
    return f"{service} {operation} {json.dumps(request, sort_keys=True)}"


class Snapshot:
    """What AWS answers; an answer that is a text is an error code, which the caller must expect.

    A request for an empty id answers nothing, as that of the library does.
    """

    is_survey = False

    def __init__(self, answers):
        self._answers = answers
        self.aws = SimpleNamespace(name=lambda resource: f"prod-{resource.name}", env="prod", account=NUMBER)

    def _answer(self, service, operation, request):
        empty = any(value in ("", [""]) for value in request.values())
        return None if empty else self._answers[call(service, operation, **request)]

    def all(self, service, operation, result, **request):
        answer = self._answer(service, operation, request)
        return [] if answer is None else answer[result]

    def get(self, service, operation, missing="", **request):
        answer = self._answer(service, operation, request)
        assert not isinstance(answer, str) or missing == answer
        return None if isinstance(answer, str) else answer

    def find(self, operation, result, resource):
        found = self._answer("ec2", operation, {})[result]
        return next((each for each in found if each["Tags"][0]["Value"] == resource.key), None)


class Account:
    """The account, with the resources that the parameters ask for.

    Args:
        absent: The keys of those that do not exist.
    """

    def __init__(self, answers, *resources, absent=(), database=None, network=None):
        self._resources, self._absent = resources, absent
        self.snapshot, self.database = Snapshot(answers), database
        self.network = network or SimpleNamespace(id="vpc-1", tags={"vpc-1": {"runbook:key": "vpc.x"}})
        self.params = SimpleNamespace(env="prod")
        self.environment = SimpleNamespace(every=self.every)

    def every(self, kind):
        return [each for each in self._resources if each.kind is kind]

    def the(self, kind):
        return next(iter(self.every(kind)), None)

    def observed(self, resource):
        there = resource is not None and resource.key not in self._absent
        return SimpleNamespace(id=self.snapshot.aws.name(resource)) if there else None


def wanted(kind, name="x", **more):
    """A resource that the parameters ask for."""
    return SimpleNamespace(
        kind=kind, name=name, key=f"own.{name}", aws_name=lambda aws: f"{aws.env}/{name}", **more)  # fmt: skip


def evaluate(name, answers=(), *resources, **more):
    """What the control found: what it looked at with the offences as texts, or why it does not apply."""
    outcome = EVALUATE[name](Account(dict(answers), *resources, **more))
    assert isinstance(outcome, Outcome)
    found = [*outcome.looked_at], [(each.id, each.why, each.key) for each in outcome.offences]
    assert not outcome.not_applicable or found == ([], [])
    return outcome.not_applicable or found
