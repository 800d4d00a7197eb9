"""What AWS answers, given operation by operation; and the changes of the stacks."""

from functools import cache
from types import SimpleNamespace

import botocore.session
from botocore import xform_name

from runbook_lib.engine.plan import Action, Change
from runbook_lib.errors import RequestRejected
from runbook_lib.params import Params
from tests.support.stack_runs import PARAMS


@cache
def outputs(service):
    """What the operations of a service answer with, by their names in boto3."""
    model = botocore.session.get_session().get_service_model(service)
    names = model.operation_names
    return {xform_name(name): set(model.operation_model(name).output_shape.members) for name in names
            if model.operation_model(name).output_shape}  # fmt: skip


class Answers:
    """A snapshot of an account in which each operation has one answer; what was asked is kept."""

    def __init__(self, **answers):
        self._answers, self.asked = answers, []
        self.aws = SimpleNamespace(
            KEY="runbook:key", env="local", account="123456789012", region="us-west-2", ec2=Ec2(answers, self.asked),
            name=lambda resource: f"local-{resource.name}", tag_spec=lambda *_: [], tags=lambda *_: [],
            token=lambda *_: "token",
        )  # fmt: skip

    def get(self, service, operation, *, missing="", **request):
        assert operation in outputs(service)
        self.asked.append((operation, request))
        return self._answers.get(operation)

    def all(self, service, operation, result, **request):
        assert result in outputs(service)[operation]
        return self.get(service, operation, **request) or []

    def tagged_with_env(self, operation, result):
        return self.all("ec2", operation, result)

    def requests(self, operation):
        """What an operation was asked with, call by call."""
        return [request for asked, request in self.asked if asked == operation]


class Ec2:
    """A client whose every call is refused, with the code that is given for it: of a dry run unless one is."""

    def __init__(self, codes, asked):
        self._codes, self._asked = codes, asked

    def __getattr__(self, operation):
        def send(**request):
            self._asked.append((operation, request))
            code = self._codes.get(operation, "DryRunOperation")
            if code:
                raise RequestRejected(f"{operation} was refused", fix="", code=code)

        return send


def params(**sections):
    """Those of `local`, with some values of their sections replaced."""
    raw = PARAMS.model_dump(mode="json")
    for name, values in sections.items():
        raw[name] |= values
    return Params.model_validate(raw)


def changes(resources, action=Action.CREATE, **fields):
    return [Change(resource, action, None, None, fields) for resource in resources]
