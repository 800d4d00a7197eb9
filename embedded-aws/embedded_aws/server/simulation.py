"""What really runs under the account: databases, machines with the application, and load balancers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from threading import RLock
from typing import Any

from embedded_aws import pace
from embedded_aws.account import backends as world
from embedded_aws.hosts.deployer import FleetDeployer
from embedded_aws.hosts.fleet import Fleet, members
from embedded_aws.hosts.traffic import Traffic
from embedded_aws.load_balancer import health
from embedded_aws.load_balancer import health_checks as checks
from embedded_aws.load_balancer.health import Health
from embedded_aws.load_balancer.proxy import Proxy
from embedded_aws.load_balancer.reachability import Party, may_reach, of_groups, of_instance
from embedded_aws.load_balancer.target import standing
from embedded_aws.process_registry import LEFT_OVER_SECONDS, ledger_of
from embedded_aws.servers.mysql import Databases
from embedded_aws.servers.valkey import Caches
from embedded_aws.services.autoscaling import capacity as scaling_capacity
from embedded_aws.services.codedeploy import progress
from embedded_aws.services.elasticache import servers as cache_servers
from embedded_aws.services.elasticache.subnet_groups import blocks_of
from embedded_aws.services.elbv2 import dns_names as balancer_names
from embedded_aws.services.rds import servers as database_servers
from embedded_aws.state_folder import Folder
from embedded_aws.ticker import Tick

# Set to "none", nothing runs under the account: for those who are after the AWS calls alone, as most tests are.
SWITCH = "RUNBOOK_LOCAL_MACHINES"


def is_wanted() -> bool:
    """Whether this server is to have machines."""
    return os.environ.get(SWITCH, "") != "none"


class Rehearsal:
    """Machines and servers of this computer that follow the account.

    Args:
        lock: Guards moto's backends.
        endpoint: Where the machines reach the embedded AWS, once it listens.
    """

    def __init__(self, folder: Folder, lock: RLock, endpoint: Callable[[], str]) -> None:
        self._lock, self._folder = lock, folder.path / "balancer"
        self._ledger = ledger_of(folder)
        self._ledger.end_all(LEFT_OVER_SECONDS)
        self.databases = Databases(lock, folder.path / "databases", web_servers_reach, self._ledger.start)
        where = folder.path / "caches"
        self.caches = Caches(
            lock, where, web_servers_reach_cache, self._ledger.start, authority=self.databases.authority
        )
        self.health = Health(lock, self._port_of, pace.factor)
        self.fleet = Fleet(
            folder.path / "machines",
            self._ledger,
            endpoint,
            self._surroundings,
            self.databases.ca_pem,
            self.health.draining,
        )
        self.proxy = Proxy(lock, self.health, self._folder)

    @property
    def ticks(self) -> list[Tick]:
        """In this order: what runs is known before it is asked."""
        return [self.databases.tick, self.caches.tick, self.fleet.tick, self.health.tick, self.proxy.tick]

    def start(self, forget: bool) -> None:
        """Take the place of moto's simulations.

        Args:
            forget: Whether the data of databases that the account does not know goes.
        """
        self.health.start()
        self.proxy.start()
        health.install(self.health)
        database_servers.install(self.databases)
        cache_servers.install(self.caches)
        balancer_names.install(self.proxy)
        progress.deployer = FleetDeployer(self.fleet, Traffic(self.health.state))
        scaling_capacity.is_host_broken = self.fleet.died
        self.databases.start(forget)
        self.caches.start()

    def stop(self) -> None:
        """End everything that was started; nobody beats any more."""
        self.proxy.stop()
        self.health.stop()
        self.fleet.stop()
        self.databases.stop()
        self.caches.stop()
        self._ledger.end_all()

    def status(self) -> Mapping[str, Any]:
        """What `runbook local status` shows."""
        with self._lock:
            return {
                "sites": [self._site(name, url) for name, url in sorted(self.proxy.urls().items())],
                "instances": [self._instance(group, state) for group, state in _states()],
                "deployments": _deployments(),
                "databases": [asdict(found) for found in self.databases.status()],
                "caches": [asdict(found) for found in self.caches.status()],
            }

    def _surroundings(self) -> Mapping[str, str]:
        return {**self.caches.environment(), **self.databases.environment()}

    def _port_of(self, instance_id: str) -> int | None:
        return self.fleet.port(instance_id) if self.fleet.booted(instance_id) else None

    def _site(self, balancer: str, url: str) -> Mapping[str, str]:
        certificate = self._folder / f"{balancer}.pem"
        return {
            "balancer": balancer,
            "url": url,
            "certificate": str(certificate) if certificate.exists() else "",
            "standing": self._standing(balancer),
        }

    def _standing(self, balancer: str) -> str:
        """What is to be said of a site, such as that it comes up again after a start."""
        behind = [group for group in checks.groups() if balancer in {one.name for one in checks.balancers_of(group)}]
        targets = [(group.arn, name) for group in behind for name in group.targets]
        states = {self.health.state(arn, name) for arn, name in targets}
        return standing(states, booted=all(self.fleet.booted(name) for _, name in targets))

    def _instance(self, group: Any, state: Any) -> Mapping[str, str]:
        name = state.instance.id
        targets = [self.health.status(found.arn, name) for found in scaling_capacity.target_groups(group)]
        return {
            "id": name,
            "zone": state.availability_zone,
            "group": group.name,
            "state": state.lifecycle_state,
            "health": ", ".join(filter(None, (" ".join(filter(None, (one.state, one.reason))) for one in targets))),
        }


def web_servers_reach(database: Any) -> bool:
    """Whether the security groups let the servers of an Auto Scaling group reach a database."""
    subnets = database.db_subnet_group._subnets if database.db_subnet_group else []
    there = of_groups(database.vpc_security_group_ids, [subnet.cidr_block for subnet in subnets])
    return _servers_reach(there, int(database.port))


def web_servers_reach_cache(cache: Any) -> bool:
    """Whether the security groups let the servers of an Auto Scaling group reach a cache."""
    return _servers_reach(of_groups(cache.security_group_ids, blocks_of(cache)), int(cache.port))


def _servers_reach(there: Party, port: int) -> bool:
    """Where there is no server yet, nobody is kept out: what connects then is the operator on this machine."""
    ec2, servers = world.backend("ec2"), members().values()
    return not servers or any(may_reach(ec2, of_instance(one), there, port) for one in servers)


def _states() -> list[tuple[Any, Any]]:
    return [(group, state) for group in scaling_capacity.groups() for state in group.instance_states]


def _deployments() -> list[Mapping[str, str]]:
    """The newest one of each deployment group that there is."""
    newest = {
        (one.application_name, one.deployment_group_name): one
        for backend in world.existing("codedeploy")
        for one in backend.deployments.values()
        if one.deployment_group_name in backend.deployment_groups.get(one.application_name, {})
    }
    return [
        {
            "id": one.deployment_id,
            "group": f"{application}/{group}",
            "status": one.status,
            "creator": str(one.info["creator"]),
            "error": str((one.info.get("errorInformation") or {}).get("message", "")),
        }
        for (application, group), one in newest.items()
    ]
