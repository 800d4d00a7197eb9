"""The control API's operations for a game day: inject faults, lose instances and zones, fail databases over."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from threading import RLock, Thread
from typing import Any, Protocol

from embedded_aws.account import backends
from embedded_aws.faults import outages
from embedded_aws.faults.rules import parse
from embedded_aws.faults.store import Faults
from embedded_aws.server.control import Handler
from embedded_aws.server.fault_validation import validate
from embedded_aws.service_error import ServiceError
from embedded_aws.services.autoscaling import capacity
from embedded_aws.services.rds import failover
from runbook_lib.errors import WrongUsage

ANY = "any"


class Hosts(Protocol):
    """Runs the instances: the fleet. `hosts` and `revive` are called with the lock held, the others without it."""

    def hosts(self) -> Mapping[str, Any]:
        """Return all hosts, by instance id."""

    def booted(self, instance_id: str) -> bool:
        """Whether a host has booted."""

    def kill(self, instance_id: str) -> bool:
        """Kill all processes of a host; False where there is no host. It may take a while."""

    def revive(self, instance_id: str) -> bool:
        """Boot a killed host again, with its disk; False where there is no host."""


class NoHosts:
    """For an account whose instances have no hosts."""

    def hosts(self) -> Mapping[str, Any]:
        """Return no hosts."""
        return {}

    def booted(self, instance_id: str) -> bool:
        """Return False."""
        return False

    def kill(self, instance_id: str) -> bool:
        """Return False."""
        return False

    def revive(self, instance_id: str) -> bool:
        """Return False."""
        return False


class GameDay:
    """The operations.

    Args:
        lock: Guards moto's backends.
        on_change: Called after a change of the account.
        hosts: Runs the instances; may be set later.
    """

    def __init__(self, lock: RLock, faults: Faults, on_change: Callable[[], None], hosts: Hosts | None = None) -> None:
        self._lock, self._faults, self._on_change = lock, faults, on_change
        self.hosts: Hosts = hosts or NoHosts()
        self._killed: set[str] = set()  # hosts that were killed after they had booted; guarded by the lock

    def handlers(self) -> dict[str, Handler]:
        """Return the operations for `Control`, by method and name."""
        return {
            "GET faults": lambda _: self.describe(),
            "POST faults": self._add,
            "DELETE faults": self._clear,
            "POST kill-instance": self._kill_instance,
            "POST fail-zone": self._fail_zone,
            "POST fail-over": self._fail_over,
            "POST restore": lambda _: self._restore(),
        }

    def tick(self) -> bool:
        """Kill lost hosts that have booted again, for instance after a restart of the emulator.

        Returns:
            False: the account stays as it is.
        """
        hosts = self.hosts.hosts()
        self._killed &= hosts.keys()
        lost = [instance.id for instance in outages.lost_instances()]
        rebooted = [name for name in lost if name in hosts and name not in self._killed and self.hosts.booted(name)]
        self._killed |= set(rebooted)
        for name in rebooted:
            Thread(target=self.hosts.kill, args=(name,), name=f"kill {name}", daemon=True).start()
        return False

    def describe(self) -> dict[str, Any]:
        """Return all faults and outages."""
        with self._lock:
            zones, instances = outages.lost()
        return {"faults": self._faults.describe(), "zones": zones, "instances": instances}

    def reset(self) -> None:
        """Clear all faults, as the account is emptied."""
        self._faults.clear()

    def _add(self, payload: Any) -> Mapping[str, Any]:
        rules = [parse(one) for one in (payload if isinstance(payload, list) else [payload])]
        for rule in rules:
            validate(rule)
        return {"faults": [fault.describe() for fault in self._faults.add(rules)]}

    def _clear(self, payload: Any) -> Mapping[str, Any]:
        numbers = payload.get("numbers") if isinstance(payload, dict) else None
        return {"faults": [fault.describe() for fault in self._faults.clear(numbers)]}

    def _kill_instance(self, payload: Any) -> Mapping[str, Any]:
        name = _require_field(payload, "instance")
        with self._lock:
            instance = _choose_instance(name)
            outages.lose_instance(instance.id)
            self._note_killed([instance.id])
            self._on_change()
        return {"instance": instance.id, "zone": instance.placement.zone, "killed": self.hosts.kill(instance.id)}

    def _fail_zone(self, payload: Any) -> Mapping[str, Any]:
        zone = _require_field(payload, "zone")
        with self._lock:
            known = sorted(one.name for one in backends.backend("ec2").describe_availability_zones())
            if zone not in known:
                raise WrongUsage(f"there is no zone {zone!r}", fix=f"there are {', '.join(known)}")
            outages.lose_zone(zone)
            lost = [instance.id for instance in outages.lost_instances() if instance.placement.zone == zone]
            self._note_killed(lost)
            self._on_change()
        killed = [name for name in lost if self.hosts.kill(name)]
        return {"zone": zone, "instances": lost, "killed": killed}

    def _note_killed(self, names: list[str]) -> None:
        self._killed |= {name for name in names if self.hosts.booted(name)}

    def _fail_over(self, payload: Any) -> Mapping[str, Any]:
        name = _require_field(payload, "database")
        with self._lock:
            databases = {key: one for rds in backends.existing("rds") for key, one in rds.databases.items()}
            if name not in databases:
                hint = f"there are {', '.join(sorted(databases))}" if databases else "there is none"
                raise WrongUsage(f"there is no database {name!r}", fix=hint)
            database = databases[name]
            before = database.availability_zone
            try:
                failover.fail_over(database, failover.REQUESTED)
            except ServiceError as error:
                raise WrongUsage(f"{error.code}: {error.message}", fix="see docs/game-days.md") from None
            self._on_change()
        return {"database": name, "from": before, "to": database.availability_zone}

    def _restore(self) -> Mapping[str, Any]:
        cleared = self._faults.clear()
        with self._lock:
            zones, instances = outages.lost()
            outages.clear()
            for group in capacity.groups():
                group.retry_at = 0.0  # retry failed launches at once
            revived = [name for name in instances if self.hosts.revive(name)]
            self._killed -= set(instances)
            self._on_change()
        faults = [fault.describe() for fault in cleared]
        return {"zones": zones, "instances": instances, "revived": revived, "faults": faults}


def _require_field(payload: Any, field: str) -> str:
    if not isinstance(payload, dict) or not isinstance(payload.get(field), str):
        raise WrongUsage(f"the request names no {field}", fix=f'send {{"{field}": "…"}}')
    return str(payload[field])


def _choose_instance(name: str) -> Any:
    """Return a running instance that is not lost; for `any`, one in service in an Auto Scaling group."""
    running = {
        instance.id: instance
        for ec2 in backends.existing("ec2")
        for instance in ec2.all_instances()
        if instance.state == "running"
    }
    healthy = {key: instance for key, instance in running.items() if outages.lost_since(instance) is None}
    if name != ANY:
        if name not in healthy:
            hint = f"there are {', '.join(sorted(healthy))}" if healthy else "there is none"
            raise WrongUsage(f"no instance {name!r} is running", fix=hint)
        return healthy[name]
    members = [
        state.instance.id
        for scaling in backends.existing("autoscaling")
        for group in scaling.autoscaling_groups.values()
        for state in group.instance_states
        if state.lifecycle_state == "InService" and state.instance.id in healthy
    ]
    if not members:
        raise WrongUsage("no Auto Scaling group has an instance in service", fix="name an instance")
    return healthy[random.choice(members)]
