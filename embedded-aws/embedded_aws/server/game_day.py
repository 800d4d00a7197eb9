"""What the control door does for a game day: faults, instances and zones lost, databases failed over."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from threading import RLock, Thread
from typing import Any, Protocol

from embedded_aws.account import backends as world
from embedded_aws.faults import outages
from embedded_aws.faults.rules import parse
from embedded_aws.faults.store import Faults
from embedded_aws.server import fault_validation as names
from embedded_aws.server.control import Ask
from embedded_aws.service_error import ServiceError
from embedded_aws.services.autoscaling import capacity as scaling_capacity
from embedded_aws.services.rds import failover as database_failover
from runbook_lib.errors import WrongUsage

ANY = "any"


class Machines(Protocol):
    """What runs the instances: the fleet. `machines` and `revive` are called under the lock, the others without it."""

    def machines(self) -> Mapping[str, Any]:
        """All machines, by their instances' ids."""

    def booted(self, instance_id: str) -> bool:
        """Whether a machine has come up."""

    def kill(self, instance_id: str) -> bool:
        """Kill everything on a machine; False where there is none. It may take a while."""

    def revive(self, instance_id: str) -> bool:
        """Let a machine that was killed boot again, with the disk that it had; False where there is none."""


class NoMachines:
    """For an account whose instances are entries only."""

    def machines(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def booted(self, instance_id: str) -> bool:
        """None has."""
        return False

    def kill(self, instance_id: str) -> bool:
        """There is nothing to kill."""
        return False

    def revive(self, instance_id: str) -> bool:
        """There is nothing to revive."""
        return False


class GameDay:
    """The deeds behind the door.

    Args:
        lock: Guards moto's backends.
        wrote: Takes note that the account has changed.
        machines: What runs the instances; may be set later.
    """

    def __init__(
        self, lock: RLock, faults: Faults, wrote: Callable[[], None], machines: Machines | None = None
    ) -> None:
        self._lock, self._faults, self._wrote = lock, faults, wrote
        self.machines: Machines = machines or NoMachines()
        self._dead: set[str] = set()  # machines that were killed when they were up; whoever touches it holds the lock

    def asks(self) -> dict[str, Ask]:
        """By method and name: what the control door can be asked for."""
        return {
            "GET faults": lambda _: self.described(),
            "POST faults": self._add,
            "DELETE faults": self._clear,
            "POST kill-instance": self._kill_instance,
            "POST fail-zone": self._fail_zone,
            "POST fail-over": self._fail_over,
            "POST restore": lambda _: self._restore(),
        }

    def tick(self) -> bool:
        """Kill what boots although it is lost, as after a restart of the emulator; the account stays as it is."""
        there = self.machines.machines()
        self._dead &= there.keys()
        lost = [found.id for found in outages.lost_instances()]
        again = [name for name in lost if name in there and name not in self._dead and self.machines.booted(name)]
        self._dead |= set(again)
        for name in again:
            Thread(target=self.machines.kill, args=(name,), name=f"kill {name}", daemon=True).start()
        return False

    def described(self) -> dict[str, Any]:
        """All trouble that there is at the moment."""
        with self._lock:
            zones, instances = outages.lost()
        return {"faults": self._faults.described(), "zones": zones, "instances": instances}

    def reset(self) -> None:
        """The account is emptied: whatever goes wrong there is over, too."""
        self._faults.clear()

    def _add(self, sent: Any) -> Mapping[str, Any]:
        rules = [parse(one) for one in (sent if isinstance(sent, list) else [sent])]
        for rule in rules:
            names.check(rule)
        return {"faults": [fault.described() for fault in self._faults.add(rules)]}

    def _clear(self, sent: Any) -> Mapping[str, Any]:
        numbers = sent.get("numbers") if isinstance(sent, dict) else None
        return {"faults": [fault.described() for fault in self._faults.clear(numbers)]}

    def _kill_instance(self, sent: Any) -> Mapping[str, Any]:
        asked = _named(sent, "instance")
        with self._lock:
            found = _instance(asked)
            outages.lose_instance(found.id)
            self._note_dead([found.id])
            self._wrote()
        return {"instance": found.id, "zone": found.placement.zone, "killed": self.machines.kill(found.id)}

    def _fail_zone(self, sent: Any) -> Mapping[str, Any]:
        zone = _named(sent, "zone")
        with self._lock:
            known = sorted(found.name for found in world.backend("ec2").describe_availability_zones())
            if zone not in known:
                raise WrongUsage(f"there is no zone {zone!r}", fix=f"there are {', '.join(known)}")
            outages.lose_zone(zone)
            lost = [found.id for found in outages.lost_instances() if found.placement.zone == zone]
            self._note_dead(lost)
            self._wrote()
        killed = [name for name in lost if self.machines.kill(name)]
        return {"zone": zone, "instances": lost, "killed": killed}

    def _note_dead(self, names_: list[str]) -> None:
        self._dead |= {name for name in names_ if self.machines.booted(name)}

    def _fail_over(self, sent: Any) -> Mapping[str, Any]:
        asked = _named(sent, "database")
        with self._lock:
            databases = {name: one for rds in world.existing("rds") for name, one in rds.databases.items()}
            if asked not in databases:
                there = f"there are {', '.join(sorted(databases))}" if databases else "there is none"
                raise WrongUsage(f"there is no database {asked!r}", fix=there)
            database = databases[asked]
            before = database.availability_zone
            try:
                database_failover.fail_over(database, database_failover.ASKED_FOR)
            except ServiceError as error:
                raise WrongUsage(f"{error.code}: {error.message}", fix="see docs/game-days.md") from None
            self._wrote()
        return {"database": asked, "from": before, "to": database.availability_zone}

    def _restore(self) -> Mapping[str, Any]:
        cleared = self._faults.clear()
        with self._lock:
            zones, instances = outages.lost()
            outages.end()
            for group in scaling_capacity.groups():
                group.retry_at = 0.0  # what could not be launched is tried at once
            revived = [name for name in instances if self.machines.revive(name)]
            self._dead -= set(instances)
            self._wrote()
        told = [fault.described() for fault in cleared]
        return {"zones": zones, "instances": instances, "revived": revived, "faults": told}


def _named(sent: Any, field: str) -> str:
    if not isinstance(sent, dict) or not isinstance(sent.get(field), str):
        raise WrongUsage(f"no {field} is named", fix=f'send {{"{field}": "…"}}')
    return str(sent[field])


def _instance(asked: str) -> Any:
    """A running instance that is not lost yet; of `any`, one in service in an Auto Scaling group."""
    running = {
        found.id: found for ec2 in world.existing("ec2") for found in ec2.all_instances() if found.state == "running"
    }
    whole = {name: found for name, found in running.items() if outages.lost_since(found) is None}
    if asked != ANY:
        if asked not in whole:
            there = f"there are {', '.join(sorted(whole))}" if whole else "there is none"
            raise WrongUsage(f"no instance {asked!r} runs", fix=there)
        return whole[asked]
    members = [
        state.instance.id
        for scaling in world.existing("autoscaling")
        for group in scaling.autoscaling_groups.values()
        for state in group.instance_states
        if state.lifecycle_state == "InService" and state.instance.id in whole
    ]
    if not members:
        raise WrongUsage("no Auto Scaling group has an instance in service", fix="name an instance")
    return whole[random.choice(members)]
