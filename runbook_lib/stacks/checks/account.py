"""What the claims look at: the environment's resources as observed, and the network around them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from functools import cached_property

from ...aws.snapshot import ApiObject, Snapshot, tags_of
from ...errors import MissingDependency, RunbookError
from ...params import Params
from ...resources.auto_scaling_group import AutoScalingGroup
from ...resources.base import Observed, ObservedState, Resource
from ...resources.cache_replication_group import CacheReplicationGroup
from ...resources.db_instance import DbInstance
from ...resources.instance import Instance
from ...resources.instance_connect_endpoint import InstanceConnectEndpoint
from ...resources.load_balancer import LoadBalancer
from ...resources.target_group import TargetGroup
from ...resources.vpc import Vpc
from ..environment import whole
from ..stack import Kind, Stack, in_order
from .paths.atoms import as_place
from .paths.model import Interface, Network
from .paths.observe import read_network


class Account:
    """The account as one survey shows it; what the survey did not observe is observed when it is asked for."""

    def __init__(self, params: Params, snapshot: Snapshot, observed_state: ObservedState) -> None:
        self.params, self.snapshot = params, snapshot
        self._observed_state = dict(observed_state)

    @cached_property
    def environment(self) -> Stack:
        """All resources that the parameters ask for."""
        return whole(self.params)

    def the(self, kind: type[Kind], name: str = "") -> Kind | None:
        """The resource of a kind, with that name if one is given; ``None`` where the parameters ask for none."""
        return next((each for each in self.environment.every(kind) if name in ("", each.name)), None)

    def observed(self, resource: Resource | None) -> Observed | None:
        """A resource as AWS shows it; ``None`` when it does not exist."""
        if resource is None:
            return None
        for each in in_order([resource]):
            if each not in self._observed_state:
                ids = {known: seen.id for known, seen in self._observed_state.items() if seen}
                self._observed_state[each] = each.observe(self.snapshot, ids)
                if unowned := self.snapshot.unowned.get(each.key):
                    raise unowned
        return self._observed_state[resource]

    @cached_property
    def vpcs(self) -> list[ApiObject]:
        """The VPCs that are tagged as this environment's."""
        return self.snapshot.tagged_with_env("describe_vpcs", "Vpcs")

    @cached_property
    def network(self) -> Network:
        """The environment's VPC, with everything in it.

        Raises:
            MissingDependency: There is none.
        """
        if not self.vpcs:
            raise MissingDependency("The environment has no VPC.", fix="Apply 01_network.")
        own = self.observed(self.the(Vpc))
        vpc = next((each for each in self.vpcs if own and each["VpcId"] == own.id), self.vpcs[0])
        return read_network(self.snapshot, vpc)

    def subnets(self, tier: str) -> list[str]:
        """The ids of the environment's public or private subnets, by their tags."""
        aws, prefix = self.snapshot.aws, f"subnet.{tier}-"
        tags = self.network.tags.items()
        return [own for own, t in tags if t.get(aws.ENV) == aws.env and str(t.get(aws.KEY)).startswith(prefix)]

    @cached_property
    def database(self) -> ApiObject | None:
        """RDS's description of the database."""
        name = self.snapshot.aws.name(self.environment.the(DbInstance))
        instances = self.snapshot.all("rds", "describe_db_instances", "DBInstances")
        return next((each for each in instances if each["DBInstanceIdentifier"] == name), None)

    @cached_property
    def servers(self) -> dict[str, str]:
        """The web servers with their zones: those of the Auto Scaling group, and all other targets of the site."""
        group = self.observed(self.the(AutoScalingGroup))
        servers = dict(group.detail["instances"]) if group else {}
        return servers | {target: "" for target in self.healthy if target not in servers}

    @cached_property
    def targets(self) -> list[ApiObject]:
        """The health of each target of the load balancer."""
        group = self.observed(self.the(TargetGroup))
        arn = group.id if group else ""
        gone = "TargetGroupNotFound"
        answer = self.snapshot.get("elbv2", "describe_target_health", missing=gone, TargetGroupArn=arn)
        targets: list[ApiObject] = (answer or {}).get("TargetHealthDescriptions", [])
        return targets

    @cached_property
    def healthy(self) -> list[str]:
        """The targets that the load balancer finds healthy."""
        return [each["Target"]["Id"] for each in self.targets if each["TargetHealth"]["State"] == "healthy"]

    def interfaces(self, subject: str) -> list[Interface]:
        """The interfaces of ``web``, ``database``, ``bastion``, ``load_balancer`` or ``cache``; or one by its id.

        A database can come up in each subnet of its group, so it has a place in each.

        Raises:
            RunbookError: Nothing has that name.
        """
        if subject in _SUBJECTS:
            return list(_SUBJECTS[subject](self))
        own = [each for each in self.network.interfaces.values() if subject in (each.id, each.instance)]
        if not own:
            names = ", ".join((*_SUBJECTS, "internet"))
            raise RunbookError(
                f"There is no {subject!r} in the network.",
                fix=f"Use one of: {names}; an IP address; or the id of a network interface or an instance.",
            )
        return own

    def _of_instances(self, instances: Container[str]) -> Iterator[Interface]:
        return (each for each in self.network.interfaces.values() if each.instance in instances)


def _web(account: Account) -> Iterator[Interface]:
    return account._of_instances(account.servers)


def _bastion(account: Account) -> Iterator[Interface]:
    """By its tags: who only deploys may not look at what else belongs to a bastion.

    Without a server, the interface of the endpoint for SSH; or what is left of servers that earlier parameters named.
    """
    aws = account.snapshot.aws
    if endpoint := account.the(InstanceConnectEndpoint):
        observed = account.observed(endpoint)
        own = observed.detail["interfaces"] if observed else ()
        return (each for each in account.network.interfaces.values() if each.id in own)
    wanted = account.the(Instance)
    keys = {wanted.key} if wanted else {"instance.bastion", "instance.bastion-ssm"}
    reservations = account.snapshot.tagged_with_env("describe_instances", "Reservations")
    instances = (instance for reservation in reservations for instance in reservation["Instances"])
    return account._of_instances({each["InstanceId"] for each in instances if tags_of(each).get(aws.KEY) in keys})


def _load_balancer(account: Account) -> Iterator[Interface]:
    prefix = f"ELB app/{account.snapshot.aws.name(account.environment.the(LoadBalancer))}/"
    return (
        each
        for each in account.network.interfaces.values()
        if each.requester == "amazon-elb" and each.description.startswith(prefix)
    )


def _database(account: Account) -> Iterator[Interface]:
    database = account.database
    if database is None:
        return
    groups = {g["VpcSecurityGroupId"] for g in database["VpcSecurityGroups"] if g["Status"] != "removing"}
    subnets = {subnet["SubnetIdentifier"] for subnet in database["DBSubnetGroup"]["Subnets"]}
    real = [
        each
        for each in account.network.interfaces.values()
        if each.requester == "amazon-rds" and each.subnet in subnets and set(each.groups or ()) == groups
    ]
    yield from real
    for subnet in sorted((subnets & account.network.subnets.keys()) - {each.subnet for each in real}):
        place = Interface(database["DBInstanceIdentifier"], subnet, (), tuple(sorted(groups)))
        yield as_place(place, account.network, subnet)


def _cache(account: Account) -> Iterator[Interface]:
    cache = account.the(CacheReplicationGroup)
    if cache is None:
        return
    prefix = f"ElastiCache {account.snapshot.aws.name(cache)}-"
    yield from (each for each in account.network.interfaces.values() if each.description.startswith(prefix))


_SUBJECTS = {
    "web": _web, "database": _database, "bastion": _bastion, "load_balancer": _load_balancer, "cache": _cache,
}  # fmt: skip
