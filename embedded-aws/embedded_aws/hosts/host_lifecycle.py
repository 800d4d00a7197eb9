"""One instance with what lives on it: booted, deployed to, watched, ended."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from threading import Lock

from embedded_aws.hosts import cloud_init
from embedded_aws.hosts.agent import Agent, Order
from embedded_aws.hosts.cloud_init import Boot, UserDataError
from embedded_aws.hosts.host import Machine
from embedded_aws.hosts.services import Services
from embedded_aws.process_registry import Ledger
from embedded_aws.services.codedeploy.deployer import Outcome
from embedded_aws.settings import REGION
from embedded_aws.state_folder import Process

# What a deployment's log says of an instance that does not answer, as of one whose agent has ended.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments.html
LOST = Outcome(
    "UnknownError",
    "CodeDeploy agent was not able to receive the lifecycle event. Check the CodeDeploy agent logs on your host "
    "and make sure the agent is running and can connect to the CodeDeploy server.",
)

log = logging.getLogger(__name__)


class Resident:
    """Its methods `boot`, `perform` and `end` take their time: they are for threads, one of them at a time."""

    def __init__(self, machine: Machine, ledger: Ledger, ca_pem: Callable[[], str] = str) -> None:
        self.machine, self._ledger = machine, ledger
        self._services = Services(machine, ledger)
        self._agent = Agent(machine, ledger, self._services, ca_pem)
        self._at_work = Lock()
        self._leaders: list[Process] = []
        self._killed = False
        self.booted = False

    def boot(self, user_data: str) -> None:
        """Come up: for the first time as the user data says, later with the application that is installed."""
        with self._at_work:
            try:
                self._come_up(user_data)
            except Exception as error:
                log.exception("%s has not come up", self.machine.instance_id)
                self.machine.say(f"the boot failed: {error}")
            self._leaders = self._ledger.adopt(self.machine.instance_id)
        self.booted = True

    def perform(self, event: str, order: Order) -> Outcome:
        """Perform one lifecycle event of a deployment, to its end."""
        with self._at_work:
            if self._killed:
                return LOST
            try:
                return self._agent.perform(event, order)
            except Exception as error:
                log.exception("%s of %s failed", event, order.deployment_id)
                return Outcome("UnknownError", f"{type(error).__name__}: {error}")
            finally:
                self._leaders = self._ledger.adopt(self.machine.instance_id)

    def died(self) -> bool:
        """Whether what ran here has ended without anybody having asked for it, at least not politely."""
        if self._killed:
            return True
        if self._at_work.locked() or not self._leaders:
            return False
        return all(leader.running() is None for leader in self._leaders)

    def kill(self) -> None:
        """Lose all processes at once, as a machine loses them that breaks."""
        self._killed = True
        self._ledger.end(self.machine.instance_id, patience=0)

    def end(self, forget: bool) -> None:
        """End all processes; with `forget` the disk is gone, too."""
        self._killed = True  # what still waits for its turn has nothing left to do
        self._ledger.end(self.machine.instance_id)
        with self._at_work:
            self._ledger.end(self.machine.instance_id)
            if forget:
                shutil.rmtree(self.machine.folder, ignore_errors=True)

    def _come_up(self, user_data: str) -> None:
        self.machine.create()
        if not self._services.booted_before:
            self._services.first_boot(self._read(user_data))
        if not self._agent.installed:
            self._services.start()
        elif not (outcome := self._agent.restart()).succeeded:
            self.machine.say(f"the application has not started again: {outcome.message}\n{outcome.log_tail}")

    def _read(self, user_data: str) -> Boot:
        of_instance = {
            "instance_id": self.machine.instance_id,
            "availability_zone": self.machine.zone,
            "region": REGION,
            "cloud_name": "aws",
        }
        try:
            return cloud_init.read(user_data, of_instance)
        except UserDataError as error:  # cloud-init goes on, too
            return Boot(notes=(str(error),))
