"""The fleet: a machine for every running instance of every Auto Scaling group."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.hosts.host import Machine, port_of
from embedded_aws.hosts.host_lifecycle import Resident
from embedded_aws.process_registry import Ledger
from embedded_aws.ticker import each

TRIM_SECONDS = 60.0

DOWN = ("stopping", "stopped")  # its disk stays

log = logging.getLogger(__name__)


class Fleet:
    """Keeps machines as Auto Scaling and EC2 have instances. What is slow happens in threads.

    `tick`, `expects`, `revive` and whoever reads moto's backends hold the lock of the account; the others need none.

    Args:
        folder: Holds a folder for each instance.
        endpoint: Where the machines reach the embedded AWS, asked for at each boot.
        surroundings: More of a machine's environment, such as where its database is.
        ca_pem: What the application is to trust beside its own roots.
        draining: Whether an instance that was taken from its load balancer still answers requests.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        endpoint: Callable[[], str],
        surroundings: Callable[[], Mapping[str, str]] = dict,
        ca_pem: Callable[[], str] = str,
        draining: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._draining = draining
        self._folder, self._ledger, self._endpoint = folder, ledger, endpoint
        self._surroundings, self._ca_pem = surroundings, ca_pem
        self._residents: dict[str, Resident] = {}
        self._busy: dict[str, Thread] = {}  # one boots or leaves
        self._swept = False
        self._trimmed = time.monotonic()

    def tick(self) -> bool:
        """Boot machines of new instances, end those of terminated and stopped ones; the account stays as it is."""
        states = {instance.id: instance.state for ec2 in world.existing("ec2") for instance in ec2.all_instances()}
        leaving = [name for name in self._residents if states.get(name) != "running" and not self._draining(name)]
        for instance_id in leaving:
            self._dismiss(instance_id, forget=states.get(instance_id) not in DOWN)
        if not self._swept:
            self._swept = True
            self._sweep({name for name, state in states.items() if state in ("running", "pending", *DOWN)})
        there = {*self._residents, *filter(self._occupied, self._busy)}
        each([instance for name, instance in members().items() if name not in there], self._admit)
        self._trim()
        return False

    def stop(self) -> None:
        """End all machines; they come up again with the next server."""
        self._residents, left = {}, self._residents
        leaving = [Thread(target=resident.end, args=(False,)) for resident in left.values()]
        for thread in leaving:
            thread.start()
        for thread in [*leaving, *self._busy.values()]:
            thread.join()

    def resident(self, instance_id: str) -> Resident | None:
        """The machine of an instance, once there is one."""
        return self._residents.get(instance_id)

    def expects(self, instance_id: str) -> bool:
        """Whether an instance has a machine, or gets one with the next tick."""
        return instance_id in self._residents or instance_id in members()

    def machines(self) -> dict[str, Machine]:
        """All machines, by the instance's id."""
        return {name: resident.machine for name, resident in list(self._residents.items())}

    def port(self, instance_id: str) -> int | None:
        """Where an instance's application answers on this laptop, whatever port it has on AWS."""
        resident = self.resident(instance_id)
        return resident.machine.port if resident else None

    def booted(self, instance_id: str) -> bool:
        """Whether a machine has come up."""
        resident = self.resident(instance_id)
        return resident is not None and resident.booted

    def died(self, instance_id: str) -> bool:
        """Whether a machine has lost what ran on it."""
        resident = self.resident(instance_id)
        return resident is not None and resident.died()

    def kill(self, instance_id: str) -> bool:
        """Kill everything on a machine, as a broken host would; False where there is none."""
        resident = self.resident(instance_id)
        if resident is None:
            return False
        resident.kill()
        return True

    def revive(self, instance_id: str) -> bool:
        """Let a machine boot again with the disk that it has; the next tick begins it. False where there is none."""
        if instance_id not in self._residents:
            return False
        self._dismiss(instance_id, forget=False)
        return True

    def _admit(self, instance: Any) -> None:
        folder = self._folder / instance.id
        port = port_of(folder, [machine.port for machine in self.machines().values()])
        where = (instance.id, instance.placement.zone, folder, port)
        resident = Resident(Machine(*where, self._endpoint(), self._surroundings), self._ledger, self._ca_pem)
        self._residents[instance.id] = resident
        self._work(instance.id, resident.boot, user_data_of(instance))

    def _dismiss(self, instance_id: str, forget: bool) -> None:
        self._work(instance_id, self._residents.pop(instance_id).end, forget)

    def _work(self, instance_id: str, task: Callable[[Any], None], argument: Any) -> None:
        self._busy[instance_id] = Thread(target=task, args=(argument,), name=f"machine {instance_id}", daemon=True)
        self._busy[instance_id].start()

    def _occupied(self, instance_id: str) -> bool:
        """Whether an instance that was stopped and is started again still goes down."""
        thread = self._busy.get(instance_id)
        return thread is not None and thread.is_alive()

    def _trim(self) -> None:
        if time.monotonic() - self._trimmed > TRIM_SECONDS:
            self._trimmed = time.monotonic()
            for machine in self.machines().values():
                machine.trim_logs()

    def _sweep(self, known: set[str]) -> None:
        """Remove the disks of instances that ended while no server was there to see it."""
        for folder in self._folder.glob("i-*"):
            if folder.name not in known:
                self._work(folder.name, lambda gone: shutil.rmtree(gone, ignore_errors=True), folder)


def members() -> dict[str, Any]:
    """The running instances of all Auto Scaling groups, in service or on the way there."""
    groups = [group for scaling in world.existing("autoscaling") for group in scaling.autoscaling_groups.values()]
    found = [state.instance for group in groups for state in group.instance_states]
    return {instance.id: instance for instance in found if instance.state == "running"}


def user_data_of(instance: Any) -> str:
    """An instance's user data as text; moto keeps it encoded, or as it was sent."""
    data = instance.user_data
    if data is None:
        return ""
    if isinstance(data, bytes):
        return data.decode(errors="replace")
    try:
        return str(data if isinstance(data, str) else data.decode())
    except ValueError:  # compressed: cloud-init unpacks it, we say that it is no cloud-config
        return "(not text)"
