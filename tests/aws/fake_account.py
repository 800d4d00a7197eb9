"""An account that answers from a dict and keeps what it was asked: for the reads of a survey, without a server."""

from __future__ import annotations

from types import SimpleNamespace

from runbook_lib.aws.absent_fields import with_absent_fields
from runbook_lib.aws.client import Aws
from runbook_lib.aws.shared_reads import Reads
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import RequestRejected

OWNER, ENV, KEY = "runbook:owner", "runbook:env", "runbook:key"
THING = SimpleNamespace(name="a", key="vpc.a", aws_name=lambda aws: f"{aws.env}-a")
OURS = {"Name": "prod-a", OWNER: "runbook", ENV: "prod", KEY: "vpc.a"}


class FakeAws(Aws):
    """The environment ``prod``; *answers* holds by operation what AWS gives, or the error that it gives."""

    def __init__(self, answers=None, *, adopted=None, env="prod"):
        self.env, self.answers, self.asked = env, answers or {}, []
        self.adopted, self._labels, self.reads = adopted or {}, {}, Reads()

    def answer(self, service, operation, request):
        self.asked.append((service, operation, request))
        answer = self.answers[operation]
        answer = answer() if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pages(self, service, operation, result, **request):
        assert with_absent_fields(service, operation, {})[result] == [], "AWS calls it so"
        return self.answer(service, operation, request)

    def client(self, service):
        return SimpleNamespace(
            **{name: lambda name=name, **request: self.answer(service, name, request) for name in self.answers}
        )


def rejected(code):
    return RequestRejected(f"refused: {code}", fix="-", code=code)


def tags(pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def vpc(id_, pairs=None, **more):
    return {"VpcId": id_, "Tags": tags(OURS if pairs is None else pairs), **more}


def without(*names, **changed):
    """The tags of the thing without some, and with others changed."""
    return {name: value for name, value in OURS.items() if name not in names} | changed


def survey(answers=None, **more):
    """A snapshot that notes what may be somebody else's."""
    return Snapshot(FakeAws(answers, **more), {})


def strict(answers=None, **more):
    """A snapshot that refuses it."""
    return Snapshot(FakeAws(answers, **more))
