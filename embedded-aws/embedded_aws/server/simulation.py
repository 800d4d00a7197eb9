"""The processes behind the account: database and cache servers, hosts with the application, and load balancers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from threading import RLock
from typing import Any

from embedded_aws import minutes, pace
from embedded_aws.account import backends
from embedded_aws.hosts.deployer import FleetDeployer
from embedded_aws.hosts.fleet import Fleet, group_instances
from embedded_aws.hosts.functions import Functions
from embedded_aws.hosts.log_agent import LogAgent
from embedded_aws.hosts.metadata_service import MetadataService
from embedded_aws.hosts.traffic import Traffic
from embedded_aws.load_balancer import health, health_checks
from embedded_aws.load_balancer.health import HealthChecker
from embedded_aws.load_balancer.proxy import Proxy
from embedded_aws.load_balancer.reachability import Party, can_reach, party_of_groups, party_of_instance
from embedded_aws.load_balancer.request_counts import RequestCounts
from embedded_aws.load_balancer.target import describe_site
from embedded_aws.process_registry import LEFTOVER_SECONDS, open_registry
from embedded_aws.server.measurements import Measurements, minute_factor
from embedded_aws.servers.mysql import Databases
from embedded_aws.servers.valkey import Caches
from embedded_aws.services.autoscaling import capacity
from embedded_aws.services.codedeploy import progress
from embedded_aws.services.elasticache import servers as elasticache_servers
from embedded_aws.services.elasticache.subnet_groups import cidr_blocks_of
from embedded_aws.services.elbv2 import dns_names
from embedded_aws.services.rds import servers as rds_servers
from embedded_aws.state_folder import StateFolder
from embedded_aws.ticker import Tick

# Set to "none", there are no processes behind the account: for tests that need only the AWS calls, as most do.
SWITCH = "RUNBOOK_LOCAL_MACHINES"


def is_enabled() -> bool:
    """Whether this server starts processes."""
    return os.environ.get(SWITCH, "") != "none"


class Simulation:
    """Hosts and servers on this machine that follow the account.

    Args:
        lock: Guards moto's backends.
        endpoint: Returns where the hosts reach the embedded AWS, once it listens.
    """

    def __init__(self, folder: StateFolder, lock: RLock, endpoint: Callable[[], str]) -> None:
        self._lock, self._folder = lock, folder.path / "balancer"
        self._registry = open_registry(folder)
        self._registry.end_all(LEFTOVER_SECONDS)
        start_process = self._registry.start
        self.databases = Databases(lock, folder.path / "databases", hosts_reach_database, start_process)
        self.caches = Caches(
            lock, folder.path / "caches", hosts_reach_cache, start_process, authority=self.databases.authority
        )
        self.health = HealthChecker(lock, self._port_of, pace.current_factor)
        self.metadata = MetadataService()
        self.logs = LogAgent(lock, lambda: self.fleet.hosts())
        self.fleet = Fleet(
            folder.path / "machines",
            self._registry,
            endpoint,
            self._extra_environment,
            self.databases.ca_pem,
            self.health.is_draining,
            self.metadata,
            self.logs.send_rest,
        )
        self.functions = Functions(folder.path / "functions", self._registry, endpoint)
        self.requests = RequestCounts()
        self.proxy = Proxy(lock, self.health, self._folder, self.requests)
        self.measurements = Measurements(self.requests, self.health.state, self._registry.name)

    @property
    def ticks(self) -> list[Tick]:
        """The ticks, in an order in which processes are known before their health is checked."""
        processes = [self.databases.tick, self.caches.tick, self.fleet.tick, self.metadata.tick, self.logs.tick]
        return [*processes, self.functions.tick, self.health.tick, self.proxy.tick, self.measurements.tick]

    def start(self, forget: bool) -> None:
        """Replace moto's simulated states by those of real processes.

        Args:
            forget: Whether to delete the data of databases that are not in the account.
        """
        self.metadata.start()
        self.health.start()
        self.proxy.start()
        health.install(self.health)
        rds_servers.install(self.databases)
        elasticache_servers.install(self.caches)
        dns_names.install(self.proxy)
        minutes.install(minute_factor)
        progress.deployer = FleetDeployer(self.fleet, Traffic(self.health.state))
        capacity.is_host_broken = self.fleet.has_died
        self.databases.start(forget)
        self.caches.start()

    def stop(self) -> None:
        """End all processes; the ticker must have stopped."""
        self.proxy.stop()
        self.health.stop()
        self.fleet.stop()
        self.metadata.stop()
        self.databases.stop()
        self.caches.stop()
        self._registry.end_all()

    def status(self) -> Mapping[str, Any]:
        """Return what `runbook local status` shows."""
        with self._lock:
            return {
                "sites": [self._site(name, url) for name, url in sorted(self.proxy.urls().items())],
                "instances": [self._instance(group, state) for group, state in _instance_states()],
                "deployments": _deployments(),
                "databases": [asdict(one) for one in self.databases.status()],
                "caches": [asdict(one) for one in self.caches.status()],
            }

    def _extra_environment(self) -> Mapping[str, str]:
        return {**self.caches.environment(), **self.databases.environment()}

    def _port_of(self, instance_id: str) -> int | None:
        return self.fleet.port(instance_id) if self.fleet.booted(instance_id) else None

    def _site(self, balancer: str, url: str) -> Mapping[str, str]:
        certificate = self._folder / f"{balancer}.pem"
        return {
            "balancer": balancer,
            "url": url,
            "certificate": str(certificate) if certificate.exists() else "",
            "standing": self._describe_site(balancer),
        }

    def _describe_site(self, balancer: str) -> str:
        """Describe a site that does not answer: whether it is still starting, or has failed."""
        groups = [
            group
            for group in health_checks.checked_groups()
            if balancer in {one.name for one in health_checks.balancers_of(group)}
        ]
        targets = [(group.arn, name) for group in groups for name in group.targets]
        states = {self.health.state(arn, name) for arn, name in targets}
        return describe_site(states, booted=all(self.fleet.booted(name) for _, name in targets))

    def _instance(self, group: Any, state: Any) -> Mapping[str, str]:
        name = state.instance.id
        targets = [self.health.status(one.arn, name) for one in capacity.target_groups(group)]
        return {
            "id": name,
            "zone": state.availability_zone,
            "group": group.name,
            "state": state.lifecycle_state,
            "health": ", ".join(filter(None, (" ".join(filter(None, (one.state, one.reason))) for one in targets))),
        }


def hosts_reach_database(database: Any) -> bool:
    """Whether the security groups let the instances of an Auto Scaling group reach a database of their account."""
    subnets = database.db_subnet_group._subnets if database.db_subnet_group else []
    party = party_of_groups(database.vpc_security_group_ids, [subnet.cidr_block for subnet in subnets])
    with backends.in_account(database.account_id):
        return _hosts_reach(party, int(database.port))


def hosts_reach_cache(cache: Any) -> bool:
    """Whether the security groups let the instances of an Auto Scaling group reach a cache of their account."""
    with backends.in_account(backends.account_of(cache.arn)):
        return _hosts_reach(party_of_groups(cache.security_group_ids, cidr_blocks_of(cache)), int(cache.port))


def _hosts_reach(destination: Party, port: int) -> bool:
    """Whether any instance reaches it; True without instances, as only the operator can connect then."""
    ec2, instances = backends.backend("ec2"), group_instances().values()
    return not instances or any(can_reach(ec2, party_of_instance(one), destination, port) for one in instances)


def _instance_states() -> list[tuple[Any, Any]]:
    return [(group, state) for group in capacity.groups() for state in group.instance_states]


def _deployments() -> list[Mapping[str, str]]:
    """Return the newest deployment of each existing deployment group."""
    newest = {
        (one.application_name, one.deployment_group_name): one
        for backend in backends.existing("codedeploy")
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
