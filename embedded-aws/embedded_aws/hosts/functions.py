"""Run the code of Lambda functions: each invocation in a process of its own, with the credentials of the role."""

from __future__ import annotations

import io
import json
import logging
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from embedded_aws.account import backends, log_streams
from embedded_aws.authorization.principal import principal_of_instance
from embedded_aws.authorization.sessions import sessions
from embedded_aws.hosts import function_bootstrap
from embedded_aws.hosts.host import SYSTEM_PATH
from embedded_aws.hosts.log_agent import require_to_log
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.services.awslambda import invocations
from embedded_aws.services.awslambda.invocations import Invocation
from embedded_aws.services.common.service_roles import can_assume

log = logging.getLogger(__name__)


@dataclass
class Running:
    """An invocation whose process runs."""

    backend: Any
    invocation: Invocation
    child: subprocess.Popen[bytes]
    folder: Path
    began: float
    timeout: float


class Functions:
    """Calls the functions whose invocations are due. The ticks need the lock of the account.

    Args:
        folder: Where the code is unpacked, an invocation in a folder of its own.
        endpoint: Returns where the functions reach the embedded AWS.
    """

    def __init__(self, folder: Path, registry: ProcessRegistry, endpoint: Callable[[], str]) -> None:
        self._folder, self._registry, self._endpoint = folder, registry, endpoint
        self._running: dict[str, Running] = {}

    def tick(self) -> bool:
        """Start what is due, and conclude what has ended; returns whether the account has changed."""
        ended = [one for one in self._running.values() if self._has_ended(one)]
        for running in ended:
            self._conclude(running)
        started = [pair for pair in invocations.due() if pair[1].request_id not in self._running]
        for backend, invocation in started:
            self._start(backend, invocation)
        return bool(ended or started)

    def _start(self, backend: Any, invocation: Invocation) -> None:
        try:
            function = backend.get_function(invocation.function)
        except UnknownFunctionException:
            invocations.conclude(backend, invocation, succeeded=True)  # its events go with it
            return
        folder = self._folder / invocation.request_id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        zipfile.ZipFile(io.BytesIO(function.code_bytes)).extractall(folder / "task")
        event = folder / "event.json"
        event.write_text(json.dumps(invocation.event), encoding="utf-8")
        command = [sys.executable, function_bootstrap.__file__, str(folder / "task"), function.handler, str(event)]
        with (folder / "log").open("ab") as output:
            output.write(f"START RequestId: {invocation.request_id} Version: $LATEST\n".encode())
            output.flush()
            child = self._registry.popen(
                [*command, invocation.request_id], folder, self._environment(function), _owner(invocation),
                stdout=output, stderr=output,
            )  # fmt: skip
        running = Running(backend, invocation, child, folder, time.monotonic(), float(function.timeout))
        self._running[invocation.request_id] = running

    def _environment(self, function: Any) -> Mapping[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (defined runtime variables)."""
        region, role = function.region, _role_of(function)
        own = {
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self._endpoint(),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
            "LANG": "C.UTF-8",
        }
        if role is None:  # then its calls find no credentials
            return {**function.environment_vars, **own}
        session = sessions.issue(function.function_name, role.arn, role.id)
        keys = {
            "AWS_ACCESS_KEY_ID": session.access_key,
            "AWS_SECRET_ACCESS_KEY": session.secret_key,
            "AWS_SESSION_TOKEN": session.token,
        }
        return {**function.environment_vars, **own, **keys}

    def _has_ended(self, running: Running) -> bool:
        if running.child.poll() is None and time.monotonic() - running.began > running.timeout:
            self._registry.end(_owner(running.invocation), seconds=0)
            with (running.folder / "log").open("a", encoding="utf-8") as output:
                output.write(f"{running.invocation.request_id} Task timed out after {running.timeout:.2f} seconds\n")
        return running.child.poll() is not None

    def _conclude(self, running: Running) -> None:
        request_id = running.invocation.request_id
        del self._running[request_id]
        duration = 1000 * (time.monotonic() - running.began)
        with (running.folder / "log").open("a", encoding="utf-8") as output:
            output.write(f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\n")
        self._send_log(running)
        shutil.rmtree(running.folder, ignore_errors=True)
        invocations.conclude(running.backend, running.invocation, running.child.returncode == 0)

    def _send_log(self, running: Running) -> None:
        """Send what it wrote to its log group, if its role allows that."""
        try:
            function = running.backend.get_function(running.invocation.function)
            role = _role_of(function)
            principal = principal_of_instance(function.function_name, role.arn, role.id) if role else None
            if principal is None:
                raise PermissionError("the function has no role")
            group = f"/aws/lambda/{function.function_name}"
            day, number = time.strftime("%Y/%m/%d", time.gmtime()), running.invocation.request_id.replace("-", "")
            stream = f"{day}/[$LATEST]{number}"
            where = {"logGroupName": group, "logStreamName": stream}
            with backends.in_account(backends.account_of(function.function_arn)):
                log_streams.send_file(
                    running.folder / "log",
                    group,
                    stream,
                    lambda operation: require_to_log(principal, operation, where),
                    has_ended=True,
                    region=function.region,
                )
        except (UnknownFunctionException, OSError) as error:
            log.info("the log of %s is lost: %s", running.invocation.function, error)


def _role_of(function: Any) -> Any:
    """Return the role of a function; None where it is gone, or Lambda may no longer assume it."""
    if not can_assume(function.role, "lambda.amazonaws.com", function.function_arn):
        return None
    iam = backends.backend("iam", account=backends.account_of(function.role))
    return next(role for role in iam.roles.values() if role.arn == function.role)


def _owner(invocation: Invocation) -> str:
    return f"function {invocation.request_id}"
