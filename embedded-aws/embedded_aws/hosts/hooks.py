"""Run the scripts of a lifecycle event as CodeDeploy's agent does.

https://github.com/aws/aws-codedeploy-agent (lib/instance_agent/plugins/codedeploy/hook_executor.rb)
"""

from __future__ import annotations

import errno
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from embedded_aws.hosts.appspec import Script
from embedded_aws.hosts.host import Host
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.services.codedeploy.deployer import Outcome

LOG_TAIL = 2048  # as much as the agent reports

WriteLine = Callable[[str], None]


class ScriptLog:
    """The output of one event's scripts: written to the deployment's log file; its end goes into the outcome."""

    def __init__(self, file: Path) -> None:
        self._file, self._lines = file, [""]
        file.parent.mkdir(parents=True, exist_ok=True)

    def write(self, line: str) -> None:
        """Write one line."""
        self._lines.append(line)
        del self._lines[:-LOG_TAIL]  # the output of a script must not fill the memory
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    def tail(self) -> str:
        """Return the last lines, as whole lines."""
        text = "\n".join(self._lines[1:])
        return text if len(text) <= LOG_TAIL else text[-LOG_TAIL:].partition("\n")[2]


class Hooks:
    """Runs scripts of unpacked bundles on one instance."""

    def __init__(self, host: Host, registry: ProcessRegistry) -> None:
        self._host, self._registry = host, registry

    def run(
        self, archive: Path, event: str, scripts: tuple[Script, ...], variables: Mapping[str, str], deployment: Path
    ) -> Outcome:
        """Run one script after the other, until one fails.

        The log is in the folder of the deployment, also for scripts of the previous bundle. As with the agent, the
        outcome has its end only for an event that fails.
        """
        log = ScriptLog(_log_file(deployment))
        if scripts:
            log.write(f"LifecycleEvent - {event}")
        for script in scripts:
            outcome = self._run_one(archive, script, variables, log)
            if not outcome.succeeded:
                return outcome
        return Outcome(message="Succeeded")

    def fail(self, deployment: Path, event: str, reason: str) -> Outcome:
        """Fail an event without running anything; the log has the reason, as if a script had written it."""
        log = ScriptLog(_log_file(deployment))
        log.write(f"LifecycleEvent - {event}")
        log.write(f"[stderr]{reason}")
        return Outcome("ScriptFailed", reason, log_tail=log.tail())

    def _run_one(self, archive: Path, script: Script, variables: Mapping[str, str], log: ScriptLog) -> Outcome:
        path, at = archive / script.location, f"at specified location: {script.location}"

        def failed(code: str, message: str) -> Outcome:
            return Outcome(code, message, script.location, log.tail())

        if not path.is_file():
            return failed("ScriptMissing", f"Script does not exist at specified location: {path}")
        if not os.access(path, os.X_OK):
            try:
                path.chmod(path.stat().st_mode | 0o111)  # "Trying to make it executable."
            except OSError:
                return failed("ScriptNotExecutable", f"Unable to set script {at} as executable")
        log.write(f"Script - {script.location}")
        who = f" run as user {script.runas}" if script.runas else ""
        try:
            status = self._execute(path, script.timeout, {**self._host.environment(), **variables}, log.write)
        except _OutputLeftOpenError as error:  # the agent's own error code does not exist in CodeDeploy's API
            return failed("UnknownError", f"Script {at} failed to close {error}")
        except TimeoutError:
            return failed("ScriptTimedOut", f"Script {at} failed to complete in {script.timeout} seconds")
        except OSError as error:  # no interpreter
            name = errno.errorcode.get(error.errno or 0, "EIO")
            reason = f"failed with error Errno::{name} with message {error.strerror} - {path}"
            return failed("ScriptFailed", f"Script {at}{who} {reason}")
        if status == 0:
            return Outcome()
        code = status if status > 0 else ""  # in Ruby, a process that a signal has ended has no exit code
        return failed("ScriptFailed", f"Script {at}{who} failed with exit code {code}")

    def _execute(self, path: Path, timeout: float, env: Mapping[str, str], write: WriteLine) -> int:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        owner = f"{self._host.instance_id} {path.name}"
        with self._start(path, env, owner, **pipes) as child:
            deadline = time.monotonic() + timeout
            try:
                _read_output(child, deadline, write)
                return child.wait(max(0.1, deadline - time.monotonic()))
            except (
                TimeoutError,
                subprocess.TimeoutExpired,
            ):  # a daemon that keeps the output open goes on
                self._registry.end_group(child, seconds=1.0)
                raise TimeoutError from None

    def _start(self, path: Path, env: Mapping[str, str], owner: str, **pipes: int) -> subprocess.Popen[bytes]:
        """Start a script; one without a #! line is run by the shell, as Ruby does for the agent (execvp)."""
        try:
            return self._registry.popen([str(path)], self._host.root, env, owner, **pipes)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return self._registry.popen(["/bin/sh", str(path)], self._host.root, env, owner, **pipes)


class _OutputLeftOpenError(Exception):
    """The script has ended, but a process that it started keeps STDOUT or STDERR open."""


def _log_file(deployment: Path) -> Path:
    return deployment / "logs" / "scripts.log"


def _read_output(child: subprocess.Popen[bytes], deadline: float, write: WriteLine) -> None:
    """Read both pipes until they are closed, also by processes that the script started: the agent waits as long.

    Raises:
        TimeoutError: The script is still running.
        _OutputLeftOpenError: The script has ended, but a process keeps a pipe open; names the first such pipe.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments.html#troubleshooting-long-running-processes
    """
    assert child.stdout
    assert child.stderr
    with selectors.DefaultSelector() as both:
        both.register(child.stdout, selectors.EVENT_READ, ["stdout", b""])
        both.register(child.stderr, selectors.EVENT_READ, ["stderr", b""])
        while both.get_map():
            left = deadline - time.monotonic()
            if left <= 0 and child.poll() is None:
                raise TimeoutError
            if left <= 0:
                raise _OutputLeftOpenError(max(key.data[0] for key in both.get_map().values()).upper())
            for key, _ in both.select(left):
                chunk = os.read(key.fd, 65536)
                *lines, key.data[1] = (key.data[1] + chunk).split(b"\n")
                if not chunk:
                    both.unregister(key.fileobj)
                    lines += [key.data[1]] if key.data[1] else []
                for line in lines:
                    with suppress(OSError):  # a full disk is not the script's error
                        write(f"[{key.data[0]}]{line.decode(errors='replace')}")
