"""The application's configuration in Systems Manager: names and addresses, no secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from ..errors import RequestRejected
from .base import Ids, Observed, Resource, is_owned, kind
from .bucket import Bucket
from .cache_replication_group import CacheReplicationGroup
from .db_instance import DbInstance
from .load_balancer import LoadBalancer
from .master_user_secret import MasterUserSecret
from .secret import RandomSecret
from .tagging import Tagging


@kind
class ConfigurationParameter(Resource):
    """A JSON object that names the database, the cache, the secrets and the public address.

    Args:
        cache: Where sessions are kept; without it they are in cookies.
        user: The application's user of the database.
        domain: The site's domain; without it the load balancer's name is used.
        bucket: Where the servers of a deployment agree which of them runs the release line.
        environment: The application's settings, by their variables.
        secrets: The names or ARNs of its secrets, by their variables.
    """

    database: DbInstance
    master_secret: MasterUserSecret
    app_secret: RandomSecret
    session_secret: RandomSecret
    balancer: LoadBalancer
    bucket: Bucket
    user: str
    cache: CacheReplicationGroup | None = None
    domain: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()

    # They have no address until they are available.
    ready_fields = frozenset({"database", "cache"})

    needs = (
        to_look("elasticloadbalancing:DescribeLoadBalancers"),
        to_look("rds:DescribeDBInstances", on="rds:db:*"),
        to_look("ssm:GetParametersByPath", "ssm:ListTagsForResource", on="ssm:parameter/{env}/*"),
        to_apply("ssm:AddTagsToResource", "ssm:PutParameter", on="ssm:parameter/{env}/{self.name}"),
        to_destroy("ssm:DeleteParameter", on="ssm:parameter/{env}/{self.name}"),
    )

    def aws_name(self, aws: Aws) -> str:
        """Its name in Systems Manager, e.g. ``/prod/web/config``."""
        return f"/{aws.env}/{self.name}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Resolve what the application is configured with; a domain takes the place of the load balancer's address."""
        wanted = dict(super().desired(ids))
        return wanted | {
            "balancer": wanted["balancer"] if not self.domain else None,
            "schema": self.database.database,
            "environment": dict(self.environment),
            "secrets": _references(self.secrets),
        }

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the parameter up by its name, and its owner by its tags; its value is compared field by field."""
        name = self.aws_name(snapshot.aws)
        folder = name.rpartition("/")[0]
        parameters = snapshot.all("ssm", "get_parameters_by_path", "Parameters", Path=folder)
        parameter = next((parameter for parameter in parameters if parameter["Name"] == name), None)
        if parameter is None:
            return None
        tags = snapshot.get(
            "ssm", "list_tags_for_resource", missing="InvalidResourceId", ResourceType="Parameter", ResourceId=name
        )
        if not is_owned(snapshot, self, tags, "TagList"):
            return None
        settings = _parse_object(parameter["Value"])
        database = settings.get("database") or {}
        state = {
            "database": _database(snapshot, database),
            "cache": _cache(snapshot, settings.get("cache") or {}),
            "schema": database.get("name"),
            "user": database.get("user"),
            "master_secret": database.get("master_secret"),
            "app_secret": database.get("app_secret"),
            "session_secret": settings.get("session_secret"),
            "bucket": settings.get("bucket"),
            "environment": settings.get("environment") or {},
            "secrets": _references((settings.get("secrets") or {}).items()),
            **self._site(snapshot, str(settings.get("public_url"))),
        }
        return Observed(
            name,
            state,
            detail={"version": parameter["Version"], "public_url": settings.get("public_url")},
            tagging=Tagging.of("ssm", name, tags, "TagList"),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Write the parameter with its tags."""
        aws.ssm.put_parameter(Tags=aws.tags(self), **self._request(aws, ids))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Write the whole value again: a parameter has no parts."""
        aws.ssm.put_parameter(Overwrite=True, **self._request(aws, ids))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the parameter."""
        aws.ssm.delete_parameter(Name=observed.id)

    def _request(self, aws: Aws, ids: Ids) -> dict[str, str]:
        (database,) = aws.rds.describe_db_instances(DBInstanceIdentifier=ids[self.database])["DBInstances"]
        (balancer,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[ids[self.balancer]])["LoadBalancers"]
        value = {
            "database": {
                **_address("database", database.get("Endpoint")),
                "name": self.database.database,
                "user": self.user,
                "app_secret": ids[self.app_secret],
                "master_secret": ids[self.master_secret],
            },
            "session_secret": ids[self.session_secret],
            **self._cache_section(aws, ids),
            "public_url": f"https://{self.domain or balancer['DNSName']}",
            "bucket": ids[self.bucket],
            "environment": dict(self.environment),
            "secrets": dict(self.secrets),
        }
        return {"Name": self.aws_name(aws), "Type": "String", "Value": json.dumps(value, indent=1)}

    def _cache_section(self, aws: Aws, ids: Ids) -> dict[str, Any]:
        if self.cache is None:
            return {}
        group_id = ids[self.cache]
        (group,) = aws.elasticache.describe_replication_groups(ReplicationGroupId=group_id)["ReplicationGroups"]
        return {"cache": _address("cache", _primary(group))}

    def _site(self, snapshot: Snapshot, url: str) -> dict[str, Any]:
        """The site's domain, or the load balancer with that name."""
        host = url.removeprefix("https://")
        if self.domain:
            return {"domain": host, "balancer": None}
        balancers = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
        arns = {balancer.get("DNSName"): balancer["LoadBalancerArn"] for balancer in balancers}  # gateways have none
        return {"domain": "", "balancer": arns.get(host, host)}


def _references(secrets: Iterable[tuple[str, str]]) -> list[str]:
    """Where each variable's secret is; a field named after it would be taken for the secret itself."""
    return [f"{reference} as {name}" for name, reference in sorted(secrets)]


def _database(snapshot: Snapshot, settings: ApiObject) -> str:
    """The database with the address, or the address when no database has it."""
    for item in snapshot.all("rds", "describe_db_instances", "DBInstances"):
        endpoint = item.get("Endpoint", {})
        if endpoint and (endpoint.get("Address"), endpoint.get("Port")) == (settings.get("host"), settings.get("port")):
            return str(item["DBInstanceIdentifier"])
    return f"{settings.get('host')}:{settings.get('port')}"


def _cache(snapshot: Snapshot, settings: ApiObject) -> str | None:
    """The cache with the address, or the address when no cache has it; ``None`` when there is no address."""
    if not settings:
        return None
    for item in snapshot.all("elasticache", "describe_replication_groups", "ReplicationGroups"):
        primary = _primary(item)
        if primary and (primary.get("Address"), primary.get("Port")) == (settings.get("host"), settings.get("port")):
            return str(item["ReplicationGroupId"])
    return f"{settings.get('host')}:{settings.get('port')}"


def _address(what: str, endpoint: ApiObject | None) -> dict[str, Any]:
    """Host and port.

    Raises:
        RequestRejected: It has none yet, though another answer has called it available: look again.
    """
    if not endpoint:
        raise RequestRejected(
            f"The {what} is available, but AWS does not tell its address yet.", fix="Run this again.",
            retryable=True,
        )  # fmt: skip
    return {"host": endpoint["Address"], "port": endpoint["Port"]}


def _primary(group: ApiObject) -> ApiObject:
    """The primary endpoint; empty while the group is created."""
    return (group.get("NodeGroups") or [{}])[0].get("PrimaryEndpoint") or {}


def _parse_object(text: str) -> ApiObject:
    """The parameter's JSON object; empty when the text is something else."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
