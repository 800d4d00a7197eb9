"""A Lambda function made of one Python file."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .log_group import LogGroup
from .role import Role
from .role_policy import RolePolicy
from .tagging import Tagging

_ON = "lambda:function:{env}-{self.name}"
_CODE, _CONFIGURATION = "code", "configuration"
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_ALWAYS = {"runtime": "python3.13", "timeout": 60, "memory": 128}
_ARCHITECTURE = "arm64"


@kind
class LambdaFunction(Resource):
    """A function whose module is one file, with the function ``handler`` in it.

    Args:
        source: The file.
        variables: Its environment variables.
        permissions, logs: Its role's policies, and its log group ``/aws/lambda/<name>``: without that, Lambda creates
            one whose events never expire.
    """

    role: Role
    permissions: tuple[RolePolicy, ...]
    logs: LogGroup
    source: Path
    variables: tuple[tuple[str, str], ...] = ()

    # Lambda may not know the role yet, and takes one change at a time.
    # https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    eventual_errors = frozenset({"InvalidParameterValueException: cannot be assumed", "ResourceConflictException"})
    update_when_ready = True
    needs = (
        to_look("lambda:GetFunction", "lambda:ListTags", on=_ON),
        to_apply(
            "lambda:CreateFunction", "lambda:TagResource", "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration", on=_ON,
        ),
        to_destroy("lambda:DeleteFunction", on=_ON),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the role, the digest of the code, the settings and the variables."""
        role = super().desired(ids)["role"]
        return {"role": role, "code": self._digest, "variables": dict(self.variables), **_ALWAYS}

    @property
    def _digest(self) -> str:
        return base64.b64encode(hashlib.sha256(self._package).digest()).decode()

    @property
    def _package(self) -> bytes:
        """The file in a zip whose bytes depend on nothing else."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            entry = zipfile.ZipInfo(self.source.name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # readable by Lambda's user
            archive.writestr(entry, self.source.read_bytes())
        return packed.getvalue()

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the function and its tags by its name."""
        name = snapshot.aws.name(self)
        answer = snapshot.get("lambda", "get_function", missing="ResourceNotFoundException", FunctionName=name)
        if answer is None:
            return None
        info: ApiObject = answer["Configuration"]
        tags = snapshot.get("lambda", "list_tags", missing="ResourceNotFoundException", Resource=info["FunctionArn"])
        if not is_owned(snapshot, self, tags):
            return None
        state = {
            "role": info["Role"],
            "code": info["CodeSha256"],
            "variables": info.get("Environment", {}).get("Variables", {}),
            "runtime": info.get("Runtime"),
            "timeout": info["Timeout"],
            "memory": info["MemorySize"],
        }
        change = info.get("LastUpdateStatus", "Successful")
        failed = info.get("StateReason") or "Lambda gives no reason" if info.get("State") == "Failed" else ""
        return Observed(
            info["FunctionArn"], state, failed=failed, tagging=Tagging.of("lambda", info["FunctionArn"], tags),
            ready=info.get("State", "Active") == "Active" and change != "InProgress",
            status=info.get("State", "Active") if change != "InProgress" else "updating",
            step=_CODE if state["code"] != self._digest else _CONFIGURATION,
        )  # fmt: skip

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the function with its code and settings."""
        aws.lambda_.create_function(
            FunctionName=aws.name(self),
            Code={"ZipFile": self._package},
            Architectures=[_ARCHITECTURE],
            Tags=aws.tag_map(self),
            **self._settings(ids),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Replace the code, or else set everything else: Lambda takes one change at a time."""
        if observed.step == _CODE:
            package = {"ZipFile": self._package, "Architectures": [_ARCHITECTURE]}
            aws.lambda_.update_function_code(FunctionName=aws.name(self), **package)
        else:
            aws.lambda_.update_function_configuration(FunctionName=aws.name(self), **self._settings(ids))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the function, and with it who may call it."""
        aws.lambda_.delete_function(FunctionName=aws.name(self))

    def _settings(self, ids: Ids) -> dict[str, Any]:
        return {
            "Role": ids[self.role],
            "Runtime": _ALWAYS["runtime"],
            "Handler": f"{self.source.stem}.handler",
            "Timeout": _ALWAYS["timeout"],
            "MemorySize": _ALWAYS["memory"],
            "Environment": {"Variables": dict(self.variables)},
        }
