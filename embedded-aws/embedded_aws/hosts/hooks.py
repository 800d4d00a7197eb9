"""The scripts of a lifecycle event, executed as CodeDeploy's agent does it.

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
from embedded_aws.hosts.host import Machine
from embedded_aws.process_registry import Ledger
from embedded_aws.services.codedeploy.deployer import Outcome

LOG_TAIL = 2048  # as much as the agent reports

Say = Callable[[str], None]


class ScriptLog:
    """What the scripts of one event say: in the deployment's log file, and its end for the report."""

    def __init__(self, file: Path) -> None:
        self._file, self._lines = file, [""]
        file.parent.mkdir(parents=True, exist_ok=True)

    def say(self, line: str) -> None:
        """Take one line."""
        self._lines.append(line)
        del self._lines[:-LOG_TAIL]  # a talkative script does not fill the memory
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    def tail(self) -> str:
        """The last lines, as whole lines."""
        text = "\n".join(self._lines[1:])
        return text if len(text) <= LOG_TAIL else text[-LOG_TAIL:].partition("\n")[2]


class Hooks:
    """Executes scripts of unpacked bundles on one instance."""

    def __init__(self, machine: Machine, ledger: Ledger) -> None:
        self._machine, self._ledger = machine, ledger

    def run(
        self, archive: Path, event: str, scripts: tuple[Script, ...], more: Mapping[str, str], deployment: Path
    ) -> Outcome:
        """One script after the other, until one fails.

        What they say is in the folder of the deployment, also of a script that comes from the bundle before. The
        agent reports it only of an event that fails.
        """
        log = ScriptLog(_log_of(deployment))
        if scripts:
            log.say(f"LifecycleEvent - {event}")
        for script in scripts:
            outcome = self._run_one(archive, script, more, log)
            if not outcome.succeeded:
                return outcome
        return Outcome(message="Succeeded")

    def fail(self, deployment: Path, event: str, why: str) -> Outcome:
        """Fail without executing anything; why is told by the log, as by a script."""
        log = ScriptLog(_log_of(deployment))
        log.say(f"LifecycleEvent - {event}")
        log.say(f"[stderr]{why}")
        return Outcome("ScriptFailed", why, log_tail=log.tail())

    def _run_one(self, archive: Path, script: Script, more: Mapping[str, str], log: ScriptLog) -> Outcome:
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
        log.say(f"Script - {script.location}")
        who = f" run as user {script.runas}" if script.runas else ""
        try:
            status = self._execute(path, script.timeout, {**self._machine.environment(), **more}, log.say)
        except _OutputLeftOpenError as error:  # the agent has a code for it that CodeDeploy's API does not have
            return failed("UnknownError", f"Script {at} failed to close {error}")
        except TimeoutError:
            return failed("ScriptTimedOut", f"Script {at} failed to complete in {script.timeout} seconds")
        except OSError as error:  # no interpreter
            name = errno.errorcode.get(error.errno or 0, "EIO")
            told = f"failed with error Errno::{name} with message {error.strerror} - {path}"
            return failed("ScriptFailed", f"Script {at}{who} {told}")
        if status == 0:
            return Outcome()
        code = status if status > 0 else ""  # Ruby knows no exit code of what a signal has ended
        return failed("ScriptFailed", f"Script {at}{who} failed with exit code {code}")

    def _execute(self, path: Path, timeout: float, env: Mapping[str, str], say: Say) -> int:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        what = f"{self._machine.instance_id} {path.name}"
        with self._start(path, env, what, **pipes) as child:
            deadline = time.monotonic() + timeout
            try:
                _listen(child, deadline, say)
                return child.wait(max(0.1, deadline - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired):  # whoever holds the output of an ended one goes on
                self._ledger.end_group(child, patience=1.0)
                raise TimeoutError from None

    def _start(self, path: Path, env: Mapping[str, str], what: str, **pipes: int) -> subprocess.Popen[bytes]:
        """A script without a #! line is the shell's: Ruby, which starts it for the agent, does as execvp does."""
        try:
            return self._ledger.popen([str(path)], self._machine.root, env, what, **pipes)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return self._ledger.popen(["/bin/sh", str(path)], self._machine.root, env, what, **pipes)


class _OutputLeftOpenError(Exception):
    """The script has ended, but what it left running holds STDOUT or STDERR."""


def _log_of(deployment: Path) -> Path:
    return deployment / "logs" / "scripts.log"


def _listen(child: subprocess.Popen[bytes], deadline: float, say: Say) -> None:
    """Until both pipes are closed, also by what the script leaves running: the agent waits as long.

    Raises:
        TimeoutError: The script goes on.
        _OutputLeftOpenError: The script has ended, but not all that writes to its pipes; names the first of them.

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
                    with suppress(OSError):  # a full disk is no fault of the script
                        say(f"[{key.data[0]}]{line.decode(errors='replace')}")
