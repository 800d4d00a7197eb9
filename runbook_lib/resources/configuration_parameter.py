"""What the application works with, as a parameter of Systems Manager: names and addresses, no secrets."""

from __future__ import annotations

import json
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .cache_replication_group import CacheReplicationGroup
from .db_instance import DbInstance
from .load_balancer import LoadBalancer
from .master_user_secret import MasterUserSecret
from .secret import RandomSecret


@kind
class ConfigurationParameter(Resource):
    """A JSON object that names the database, the cache, the secrets and the public address.

    Args:
        cache: Where sessions are kept; without one they are in cookies.
        domain: The site's own name; without one it goes by the load balancer's.
    """

    database: DbInstance
    master_secret: MasterUserSecret
    app_secret: RandomSecret
    session_secret: RandomSecret
    balancer: LoadBalancer
    cache: CacheReplicationGroup | None = None
    domain: str = ""

    # Their addresses do not exist before they are available.
    ready_fields = frozenset({"database", "cache"})

    def called(self, aws: Aws) -> str:
        """Its name in Systems Manager, e.g. ``/prod/web/config``."""
        return f"/{aws.env}/{self.name}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        wanted = dict(super().desired(ids))
        return wanted | {"balancer": wanted["balancer"] if not self.domain else None, "schema": self.database.database}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        name = self.called(snapshot.aws)
        folder = name.rpartition("/")[0]
        found = snapshot.all("ssm", "get_parameters_by_path", "Parameters", Path=folder)
        parameter = next((parameter for parameter in found if parameter["Name"] == name), None)
        if parameter is None:
            return None
        tags = snapshot.get(
            "ssm", "list_tags_for_resource", missing="InvalidResourceId", ResourceType="Parameter", ResourceId=name
        )
        if not is_owned(snapshot, self, tags, "TagList"):
            return None
        said = _object(parameter["Value"])
        database = said.get("database") or {}
        state = {
            "database": _database(snapshot, database),
            "cache": _cache(snapshot, said.get("cache") or {}),
            "schema": database.get("name"),
            "master_secret": database.get("master_secret"),
            "app_secret": database.get("app_secret"),
            "session_secret": said.get("session_secret"),
            **self._site(snapshot, str(said.get("public_url"))),
        }
        return Observed(name, state, detail={"version": parameter["Version"], "public_url": said.get("public_url")})

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.ssm.put_parameter(Tags=aws.tags(self), **self._request(aws, ids))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        aws.ssm.put_parameter(Overwrite=True, **self._request(aws, ids))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.ssm.delete_parameter(Name=observed.id)

    def _request(self, aws: Aws, ids: Ids) -> dict[str, str]:
        (database,) = aws.rds.describe_db_instances(DBInstanceIdentifier=ids[self.database])["DBInstances"]
        (balancer,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[ids[self.balancer]])["LoadBalancers"]
        value = {
            "database": {
                "host": database["Endpoint"]["Address"],
                "port": database["Endpoint"]["Port"],
                "name": self.database.database,
                "app_secret": ids[self.app_secret],
                "master_secret": ids[self.master_secret],
            },
            "session_secret": ids[self.session_secret],
            **self._cached(aws, ids),
            "public_url": f"https://{self.domain or balancer['DNSName']}",
        }
        return {"Name": self.called(aws), "Type": "String", "Value": json.dumps(value, indent=1)}

    def _cached(self, aws: Aws, ids: Ids) -> dict[str, Any]:
        if self.cache is None:
            return {}
        group = ids[self.cache]
        (found,) = aws.elasticache.describe_replication_groups(ReplicationGroupId=group)["ReplicationGroups"]
        return {"cache": {"host": _primary(found)["Address"], "port": _primary(found)["Port"]}}

    def _site(self, snapshot: Snapshot, url: str) -> dict[str, Any]:
        """The site as a domain of its own, or as the load balancer that goes by its AWS name."""
        host = url.removeprefix("https://")
        if self.domain:
            return {"domain": host, "balancer": None}
        balancers = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
        arns = {balancer["DNSName"]: balancer["LoadBalancerArn"] for balancer in balancers}
        return {"domain": "", "balancer": arns.get(host, host)}


def _database(snapshot: Snapshot, said: ApiObject) -> str:
    """The database that has the address, or the address when none has it."""
    for found in snapshot.all("rds", "describe_db_instances", "DBInstances"):
        endpoint = found.get("Endpoint", {})
        if endpoint and (endpoint.get("Address"), endpoint.get("Port")) == (said.get("host"), said.get("port")):
            return str(found["DBInstanceIdentifier"])
    return f"{said.get('host')}:{said.get('port')}"


def _cache(snapshot: Snapshot, said: ApiObject) -> str | None:
    """The cache whose primary has the address, or the address when none has it; ``None`` when there is no address."""
    if not said:
        return None
    for found in snapshot.all("elasticache", "describe_replication_groups", "ReplicationGroups"):
        primary = _primary(found)
        if primary and (primary.get("Address"), primary.get("Port")) == (said.get("host"), said.get("port")):
            return str(found["ReplicationGroupId"])
    return f"{said.get('host')}:{said.get('port')}"


def _primary(group: ApiObject) -> ApiObject:
    """Where its primary is, whichever node that is; nothing while it is created."""
    return (group.get("NodeGroups") or [{}])[0].get("PrimaryEndpoint") or {}


def _object(text: str) -> ApiObject:
    """What the parameter says; nothing where somebody wrote something else into it."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
