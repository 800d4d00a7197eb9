"""One instance on this machine, from boot to end."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from threading import Lock

from embedded_aws.faults.hooks import INSTALL_AGENT, hook_fault
from embedded_aws.hosts import cloud_init
from embedded_aws.hosts.agent import Agent, AgentCommand
from embedded_aws.hosts.cloud_init import FirstBoot, UserDataError
from embedded_aws.hosts.host import Host
from embedded_aws.hosts.services import Services
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

log = logging.getLogger(__name__)


class ManagedHost:
    """A host with its agent and services. `boot`, `perform` and `end` are slow: call them in threads, one at a time."""

    def __init__(self, host: Host, registry: ProcessRegistry, ca_pem: Callable[[], str] = str) -> None:
        self.host, self._registry = host, registry
        self._services = Services(host, registry)
        self._agent = Agent(host, registry, self._services, ca_pem)
        self._busy = Lock()
        self._leaders: list[ProcessIdentity] = []
        self._killed = False
        self.booted = False

    def boot(self, user_data: str) -> None:
        """Boot: the first time as the user data says, later with the application that is installed."""
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

    def end(self, forget: bool) -> None:
        """End all processes; with `forget`, delete the disk, too."""
        self._killed = True  # events that still wait for the lock are not run
        self._registry.end(self.host.instance_id)
        with self._busy:
            self._registry.end(self.host.instance_id)
            if forget:
                shutil.rmtree(self.host.folder, ignore_errors=True)

    def _boot(self, user_data: str) -> None:
        self.host.create()
        if not self._services.booted_before:
            self._services.first_boot(self._parse(user_data))
            if reason := hook_fault(INSTALL_AGENT, self.host.instance_id, self.host.zone):
                self.host.agent_missing.touch()
                self.host.write_console(f"CodeDeploy's agent was not installed: {reason}")
        if not self._agent.installed:
            self._services.start()
        elif not (outcome := self._agent.restart()).succeeded:
            self.host.write_console(f"the application did not start again: {outcome.message}\n{outcome.log_tail}")

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
