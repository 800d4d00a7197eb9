"""One instance on this machine, from boot to end."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from threading import Lock

from embedded_aws.faults.hooks import INSTALL_AGENT, hook_fault
from embedded_aws.hosts import cloud_init, init_client
from embedded_aws.hosts.agent import Agent, AgentCommand
from embedded_aws.hosts.cloud_init import FirstBoot, UserDataError
from embedded_aws.hosts.host import Host
from embedded_aws.hosts.log_agent import start_agent
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.services.codedeploy.deployer import Outcome
from embedded_aws.settings import REGION

# The outcome of an event on an instance that does not answer, or whose agent has ended.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments.html
LOST = Outcome(
    "UnknownError",
    "CodeDeploy agent was not able to receive the lifecycle event. Check the CodeDeploy agent logs on your host "
    "and make sure the agent is running and can connect to the CodeDeploy server.",
)

INIT_SECONDS = 30.0  # until the first process answers

log = logging.getLogger(__name__)


class ManagedHost:
    """A host with its agent and services. `boot`, `perform` and `end` are slow: call them in threads, one at a time.

    Args:
        ca_pem: Returns a certificate for the application's trust store.
        on_end: Called after the end of all processes, while the disk is still there.
    """

    def __init__(
        self,
        host: Host,
        registry: ProcessRegistry,
        ca_pem: Callable[[], str] = str,
        on_end: Callable[[Host], None] = lambda host: None,
    ) -> None:
        self.host, self._registry, self._on_end = host, registry, on_end
        self._agent = Agent(host, registry, ca_pem)
        self._busy = Lock()
        self._leaders: list[ProcessIdentity] = []
        self._killed = False
        self.booted, self.reboots = False, 0

    def boot(self, user_data: str) -> None:
        """Boot: the first time as the user data says, later with the services that are enabled."""
        with self._busy:
            try:
                self._boot(user_data)
            except Exception as error:
                log.exception("%s failed to boot", self.host.instance_id)
                self.host.write_console(f"the boot failed: {error}")
            self._leaders = self._registry.adopt(self.host.instance_id)
        self.booted = True

    def perform(self, event: str, command: AgentCommand) -> Outcome:
        """Run one lifecycle event of a deployment, to its end."""
        with self._busy:
            if self._killed:
                return LOST
            try:
                return self._agent.perform(event, command)
            except Exception as error:
                log.exception("%s of %s failed", event, command.deployment_id)
                return Outcome("UnknownError", f"{type(error).__name__}: {error}")
            finally:
                self._leaders = self._registry.adopt(self.host.instance_id)

    @property
    def has_agent(self) -> bool:
        """Whether CodeDeploy's agent is installed and active."""
        return not self.host.agent_missing.exists()

    def has_died(self) -> bool:
        """Whether its processes have ended unexpectedly, or were killed."""
        if self._killed:
            return True
        if self._busy.locked() or not self._leaders:
            return False
        return all(leader.running() is None for leader in self._leaders)

    def kill(self) -> None:
        """Kill all processes at once, as when a machine breaks."""
        self._killed = True
        self._registry.end(self.host.instance_id, seconds=0)
        self.host.empty_memory()

    def end(self, forget: bool) -> None:
        """End all processes; with `forget`, delete the disk, too."""
        self._killed = True  # events that still wait for the lock are not run
        self._registry.end(self.host.instance_id)
        with self._busy:
            self._registry.end(self.host.instance_id)
            self._on_end(self.host)
            self.host.empty_memory()
            if forget:
                shutil.rmtree(self.host.folder, ignore_errors=True)

    def _boot(self, user_data: str) -> None:
        first = None if self.host.booted_before else self._parse(user_data)
        self.host.create()
        if first:
            self._write_files(first)
            if reason := hook_fault(INSTALL_AGENT, self.host.instance_id, self.host.zone):
                self.host.agent_missing.touch()
                self.host.write_console(f"CodeDeploy's agent was not installed: {reason}")
            for configuration in first.log_agents:
                start_agent(self.host, configuration)
        self._start_init()
        for command in first.commands if first else ():
            _, output = init_client.ask(self.host.folder, *command)
            self.host.write_console(f"{shlex.join(command)}\n{output}".strip())
        self.host.set_booted()

    def _write_files(self, first: FirstBoot) -> None:
        """Write the files of user data; the port is this machine's, where all instances share one address."""
        for file in first.files:
            path = self.host.path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(re.sub("(?m)^PORT=.*", f"PORT={self.host.port}", file.content), encoding="utf-8")
            path.chmod(file.mode)
        for note in first.notes:
            self.host.write_console(note)

    def _start_init(self) -> None:
        """Start the first process, and wait until it answers.

        Raises:
            OSError: It does not.
        """
        self.host.write_environment()
        command = [sys.executable, "-m", "embedded_aws.hosts.systemctl", str(self.host.folder)]
        environment = {**self.host.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
        self._registry.start(command, self.host.folder, environment, self.host.log, f"{self.host.instance_id} init")
        deadline = time.monotonic() + INIT_SECONDS
        while True:
            try:
                init_client.ask(self.host.folder, "systemctl", "daemon-reload")
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _parse(self, user_data: str) -> FirstBoot:
        instance = {
            "instance_id": self.host.instance_id,
            "availability_zone": self.host.zone,
            "region": REGION,
            "cloud_name": "aws",
        }
        try:
            return cloud_init.parse_user_data(user_data, instance)
        except UserDataError as error:  # cloud-init continues the boot, too
            return FirstBoot(notes=(str(error),))
