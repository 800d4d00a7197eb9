"""Amazon's CloudWatch agent, for all hosts at once: sends what is new in their logs to CloudWatch Logs.

It reads the configuration that the agent of a server would read, and has the rights of the instance's role. How far a
file was sent is kept on its log stream, and thus saved together with the events: after a restart no line is missing,
and none is there twice.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

from embedded_aws.account import backends, log_streams
from embedded_aws.authorization.principal import Principal, principal_of_instance
from embedded_aws.authorization.requested import Call, questions
from embedded_aws.hosts.host import Host
from embedded_aws.hosts.metadata import InstanceRole, role_of

# Where the agent keeps the configurations that it was started with.
CONFIGURATIONS = "/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d"
SEND_SECONDS = 1.0
SAVE_SECONDS = 60.0  # a save takes longer than sending; what was not saved is read again from the hosts' disks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogFile:
    """Files whose lines are sent: an entry of `collect_list`."""

    pattern: str
    group: str
    stream: str
    every: bool
    """Whether each file has a stream of its own (publish_multi_logs); else only the newest file is sent."""

    def files(self, host: Host) -> Iterator[tuple[Path, str]]:
        """Yield the files that exist, each with the name of its stream."""
        found = sorted(path for path in host.root.glob(self.pattern.lstrip("/")) if path.is_file())
        if not self.every:
            newest = max(found, key=lambda path: path.stat().st_mtime, default=None)
            yield from [(newest, self.stream)] if newest else []
            return
        for path in found:
            # https://github.com/aws/amazon-cloudwatch-agent/blob/main/plugins/inputs/logfile/logfile.go
            inside = re.sub(r"[^.\-_/#A-Za-z0-9]", "_", f"/{path.relative_to(host.root)}").replace("/", "_")
            yield path, f"{self.stream}_{inside}"


def start_agent(host: Host, configuration: str) -> None:
    """Take over a configuration, as `amazon-cloudwatch-agent-ctl -a fetch-config -s` does; it stays after a reboot."""
    folder = host.path(CONFIGURATIONS)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(host.path(configuration), folder / f"file_{Path(configuration).name}")


def read_configuration(host: Host) -> tuple[LogFile, ...]:
    """Return what the configurations of a host's agent name; nothing where it was not started.

    Raises:
        ValueError: One is no JSON, or has not the agent's form.
    """
    found = []
    for path in sorted(host.path(CONFIGURATIONS).glob("file_*")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            for entry in content.get("logs", {}).get("logs_collected", {}).get("files", {}).get("collect_list", ()):
                stream = str(entry.get("log_stream_name", "{instance_id}")).replace("{instance_id}", host.instance_id)
                every = bool(entry.get("publish_multi_logs", False))
                found.append(LogFile(str(entry["file_path"]), str(entry["log_group_name"]), stream, every))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"the CloudWatch agent cannot read {path.name}: {error!r}") from error
    return tuple(found)


class LogAgent:
    """Sends the logs of hosts. `tick` needs the lock of the account; `send_rest` takes it.

    Args:
        lock: Guards moto's backends.
        hosts: Returns all hosts, by instance id.
    """

    def __init__(self, lock: RLock, hosts: Callable[[], Mapping[str, Host]]) -> None:
        self._lock, self._hosts = lock, hosts
        self._sent_at = self._saved_at = time.monotonic()
        self._has_unsaved = self._must_save = False
        self._complaints: dict[str, str] = {}
        self._roles: dict[str, InstanceRole] = {}
        self._accounts: dict[str, str] = {}

    def tick(self) -> bool:
        """Send what is new, once a second; returns whether the account has to be saved."""
        now = time.monotonic()
        if now - self._sent_at >= SEND_SECONDS:
            self._sent_at = now
            for host in self._hosts().values():
                self.send(host)
        if self._must_save or (self._has_unsaved and now - self._saved_at >= SAVE_SECONDS):
            self._has_unsaved, self._must_save, self._saved_at = False, False, now
            return True
        return False

    def send_rest(self, host: Host) -> None:
        """Send all that is left on the disk of a host that has ended, also a line without an end."""
        with self._lock:
            while self.send(host, has_ended=True):
                pass
            self._must_save = True
            for kept in (self._complaints, self._roles, self._accounts):
                kept.pop(host.instance_id, None)

    def send(self, host: Host, has_ended: bool = False) -> bool:
        """Send what is new in the logs of a host; returns whether that was anything."""
        sent = False
        try:
            found = [(path, entry.group, stream) for entry in read_configuration(host)
                     for path, stream in entry.files(host)]  # fmt: skip
        except (OSError, ValueError) as error:
            self._complain(host, error)
            return False
        for file in found:
            try:
                sent = self._send_file(host, *file, has_ended) or sent
            except OSError as error:
                self._complain(host, error)
        self._has_unsaved = self._has_unsaved or sent
        return sent

    def _complain(self, host: Host, error: Exception) -> None:
        """Log an error once, until there is another."""
        if self._complaints.get(host.instance_id) != str(error):
            self._complaints[host.instance_id] = str(error)
            log.warning("%s sends no logs: %s", host.instance_id, error)

    def _send_file(self, host: Host, path: Path, group: str, name: str, has_ended: bool) -> bool:
        where = {"logGroupName": group, "logStreamName": name}
        with backends.in_account(self._account(host)):
            return log_streams.send_file(
                path, group, name, lambda action: require_to_log(self._principal(host), action, where), has_ended
            )

    def _account(self, host: Host) -> str:
        """Return the account of an instance, which stays known when it is terminated."""
        if host.instance_id not in self._accounts:
            instances = (one for ec2 in backends.existing("ec2") for one in ec2.all_instances())
            found = (one.ec2_backend.account_id for one in instances if one.id == host.instance_id)
            self._accounts[host.instance_id] = next(found, backends.current_account())
        return self._accounts[host.instance_id]

    def _principal(self, host: Host) -> Principal:
        """Return the session of an instance's role; a terminated instance still has the one that it had.

        Raises:
            PermissionError: It has no role.
        """
        instances = (one for ec2 in backends.existing("ec2") for one in ec2.all_instances())
        instance = next((one for one in instances if one.id == host.instance_id and one.state == "running"), None)
        role = role_of(instance) if instance else self._roles.get(host.instance_id)
        principal = principal_of_instance(host.instance_id, role.arn, role.id) if role and role.trusts_ec2 else None
        if role is None or principal is None:
            raise PermissionError("the instance has no role")
        self._roles[host.instance_id] = role
        return principal


def require_to_log(principal: Principal, operation: str, parameters: Mapping[str, str]) -> None:
    """Hold the role's policies against a call to CloudWatch Logs.

    Raises:
        PermissionError: They do not allow it.
    """
    for question in questions(Call("logs", operation, parameters), principal.context):
        if reason := principal.policies.reason_to_refuse(question):
            raise PermissionError(f"{principal.arn} is not authorized to perform: {question.action} {reason}")
