"""The fleet: a host for every running instance of every Auto Scaling group."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from embedded_aws.account import backends
from embedded_aws.hosts.host import Host, choose_port
from embedded_aws.hosts.host_lifecycle import ManagedHost
from embedded_aws.hosts.metadata_service import MetadataService
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.services.ec2.instance_states import REBOOTS, user_data_of
from embedded_aws.ticker import run_each

TRIM_SECONDS = 60.0

DOWN = ("stopping", "stopped")  # a stopped instance keeps its disk

log = logging.getLogger(__name__)


class Fleet:
    """Keeps the hosts in line with the instances of Auto Scaling and EC2. Slow work is done in threads.

    `tick`, `expects`, `revive` and all code that reads moto's backends need the lock of the account; the others do not.

    Args:
        folder: Contains a folder for each instance.
        endpoint: Returns where the hosts reach the embedded AWS; called at each boot.
        extra_environment: Returns more environment variables of a host, such as where its database is.
        ca_pem: Returns a certificate that the application trusts beside its own roots.
        is_draining: Whether an instance that was deregistered from its load balancer still has requests.
        metadata: The metadata service of the hosts; None: they have none.
        on_end: Called after the end of a host, before its disk is deleted; in a thread.
    """

    def __init__(
        self,
        folder: Path,
        registry: ProcessRegistry,
        endpoint: Callable[[], str],
        extra_environment: Callable[[], Mapping[str, str]] = dict,
        ca_pem: Callable[[], str] = str,
        is_draining: Callable[[str], bool] = lambda _: False,
        metadata: MetadataService | None = None,
        on_end: Callable[[Host], None] = lambda host: None,
    ) -> None:
        self._is_draining, self._metadata, self._on_end = is_draining, metadata, on_end
        self._folder, self._registry, self._endpoint = folder, registry, endpoint
        self._extra_environment, self._ca_pem = extra_environment, ca_pem
        self._hosts: dict[str, ManagedHost] = {}
        self._busy: dict[str, Thread] = {}  # a host boots or ends
        self._disks_checked = False
        self._logs_trimmed_at = time.monotonic()

    def tick(self) -> bool:
        """Start hosts for new instances, and end those of terminated and stopped ones; the account stays as it is."""
        states = {instance.id: instance.state for ec2 in backends.existing("ec2") for instance in ec2.all_instances()}
        ending = [name for name in self._hosts if states.get(name) != "running" and not self._is_draining(name)]
        for instance_id in ending:
            self._end_host(instance_id, forget=states.get(instance_id) not in DOWN)
        for instance_id, instance in group_instances().items():
            managed = self._hosts.get(instance_id)
            if managed and managed.booted and managed.reboots != _reboots(instance):
                self._end_host(instance_id, forget=False)  # the next tick boots it again
        if not self._disks_checked:
            self._disks_checked = True
            self._delete_unknown_disks(
                {name for name, state in states.items() if state in ("running", "pending", *DOWN)}
            )
        present = {*self._hosts, *filter(self._is_busy, self._busy)}
        run_each([instance for name, instance in group_instances().items() if name not in present], self._start_host)
        self._trim_logs()
        return False

    def stop(self) -> None:
        """End all hosts; the next server starts them again."""
        self._hosts, hosts = {}, self._hosts
        threads = [Thread(target=self._end, args=(managed, False)) for managed in hosts.values()]
        for thread in threads:
            thread.start()
        for thread in [*threads, *self._busy.values()]:
            thread.join()

    def get(self, instance_id: str) -> ManagedHost | None:
        """Return the host of an instance; None where there is none."""
        return self._hosts.get(instance_id)

    def expects(self, instance_id: str) -> bool:
        """Whether an instance has a host, or gets one at the next tick."""
        return instance_id in self._hosts or instance_id in group_instances()

    def hosts(self) -> dict[str, Host]:
        """Return all hosts, by instance id."""
        return {name: managed.host for name, managed in list(self._hosts.items())}

    def port(self, instance_id: str) -> int | None:
        """Return the local port of an instance's application, whatever its port is on AWS."""
        managed = self.get(instance_id)
        return managed.host.port if managed else None

    def booted(self, instance_id: str) -> bool:
        """Whether a host has booted."""
        managed = self.get(instance_id)
        return managed is not None and managed.booted

    def has_died(self, instance_id: str) -> bool:
        """Whether a host has lost its processes."""
        managed = self.get(instance_id)
        return managed is not None and managed.has_died()

    def kill(self, instance_id: str) -> bool:
        """Kill all processes of a host, as when a machine breaks; False where there is no host."""
        managed = self.get(instance_id)
        if managed is None:
            return False
        managed.kill()
        return True

    def revive(self, instance_id: str) -> bool:
        """Boot a host again with its disk, at the next tick; False where there is no host."""
        if instance_id not in self._hosts:
            return False
        self._end_host(instance_id, forget=False)
        return True

    def _start_host(self, instance: Any) -> None:
        folder = self._folder / instance.id
        port = choose_port(folder, [host.port for host in self.hosts().values()])
        location = (instance.id, instance.placement.zone, folder, port)
        metadata = self._metadata.open(instance, folder) if self._metadata else ""
        host = Host(*location, self._endpoint(), self._extra_environment, metadata)
        managed = ManagedHost(host, self._registry, self._ca_pem, self._on_end)
        managed.reboots = _reboots(instance)
        self._hosts[instance.id] = managed
        self._run_in_thread(instance.id, managed.boot, user_data_of(instance))

    def _end_host(self, instance_id: str, forget: bool) -> None:
        self._run_in_thread(instance_id, partial(self._end, self._hosts.pop(instance_id)), forget)

    def _end(self, managed: ManagedHost, forget: bool) -> None:
        managed.end(forget)
        if self._metadata:
            self._metadata.close(managed.host.instance_id)

    def _run_in_thread(self, instance_id: str, task: Callable[[Any], None], argument: Any) -> None:
        self._busy[instance_id] = Thread(target=task, args=(argument,), name=f"machine {instance_id}", daemon=True)
        self._busy[instance_id].start()

    def _is_busy(self, instance_id: str) -> bool:
        """Whether the host of an instance that was stopped and started again is still ending."""
        thread = self._busy.get(instance_id)
        return thread is not None and thread.is_alive()

    def _trim_logs(self) -> None:
        if time.monotonic() - self._logs_trimmed_at > TRIM_SECONDS:
            self._logs_trimmed_at = time.monotonic()
            for host in self.hosts().values():
                host.trim_logs()

    def _delete_unknown_disks(self, known: set[str]) -> None:
        """Delete the disks of instances that ended while no server was running."""
        for folder in self._folder.glob("i-*"):
            if folder.name not in known:
                self._run_in_thread(folder.name, lambda path: shutil.rmtree(path, ignore_errors=True), folder)


def group_instances() -> dict[str, Any]:
    """Return the running instances of all Auto Scaling groups, in service or not yet."""
    groups = [group for scaling in backends.existing("autoscaling") for group in scaling.autoscaling_groups.values()]
    instances = [state.instance for group in groups for state in group.instance_states]
    return {instance.id: instance for instance in instances if instance.state == "running"}


def _reboots(instance: Any) -> int:
    return int(vars(instance).get(REBOOTS, 0))
