"""A target group."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .defaults import unusual
from .load_balancer import attributes_of, read_tags
from .predictions import Refusal
from .tagging import Tagging
from .vpc import Vpc

_ON = "elasticloadbalancing:targetgroup/{env}-{self.name}/*"


@kind
class TargetGroup(Resource):
    """The HTTP servers behind a load balancer, and their health check; its id is its ARN.

    Args:
        interval, timeout: Of the health check, in seconds.
        healthy, unhealthy: How many checks in a row change the state.
        deregistration_seconds: How long a deregistered server may finish its requests.
        former_path: A path that servers may be checked at now: those that run answer at ``path``, too.
    """

    vpc: Vpc
    port: int
    path: str
    interval: int = 15
    timeout: int = 4
    healthy: int = 2
    unhealthy: int = 2
    deregistration_seconds: int = 60
    former_path: str = ""

    immutable = frozenset({"vpc", "port", "protocol"})
    eventual_errors = frozenset({"InvalidVpcID.NotFound", "ResourceInUse"})

    needs = (
        to_look(
            "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroupAttributes",
            "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
        ),
        to_apply(
            "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateTargetGroup",
            "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes", on=_ON,
        ),
        to_destroy("elasticloadbalancing:DeleteTargetGroup", on=_ON),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add the protocol, the one status that counts as healthy, and all else as AWS sets it."""
        state = {**super().desired(ids), "protocol": "HTTP", "codes": "200", "attributes": {}}
        del state["former_path"]
        return state

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Block another path while servers are healthy, unless the parameters say that they answer at both.

        A version that answers at one of the two only cannot be deployed without an outage: with the new path its
        predecessor is unhealthy at once, with the old one the deployment waits for it in vain.
        """
        if observed is None or "path" not in fields or observed.state["path"] in (None, self.former_path):
            return None
        missing = "TargetGroupNotFound"
        answer = snapshot.get("elbv2", "describe_target_health", missing=missing, TargetGroupArn=observed.id)
        targets = (answer or {}).get("TargetHealthDescriptions", ())
        if not any(target["TargetHealth"]["State"] == "healthy" for target in targets):
            return None  # nothing to lose
        old = observed.state["path"]
        return Refusal(
            frozenset({"path"}),
            f"the load balancer would take every server out of service that does not answer at {self.path}",
            f"Take two steps. First write {old} back, and deploy a version that answers with 200 at both {old} and"
            f" {self.path}. Then write compute.health_check: {{path: {self.path}, former_path: {old}}}, and apply"
            " 03_compute.",
        )

    def remedy(self, observed: Observed, blocked: frozenset[str]) -> str:
        """Advise to write the old port back: it cannot change."""
        if "port" not in blocked:
            return ""
        port = observed.state["port"]
        return (
            f"Write {port} back into compute.app_port: it is fixed with the first apply. Applications listen on $PORT."
        )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group up by its name, with its health check and how long deregistration takes."""
        name = snapshot.aws.name(self)
        groups = snapshot.all("elbv2", "describe_target_groups", "TargetGroups")
        group = next((group for group in groups if group["TargetGroupName"] == name), None)
        if group is None:
            return None
        arn = group["TargetGroupArn"]
        tags = read_tags(snapshot, arn)
        is_owned(snapshot, self, tags)
        answer = snapshot.get("elbv2", "describe_target_group_attributes", TargetGroupArn=arn) or {"Attributes": []}
        state = {
            "vpc": group["VpcId"],
            "port": group["Port"],
            "protocol": group["Protocol"],
            "path": group.get("HealthCheckPath"),
            "interval": group["HealthCheckIntervalSeconds"],
            "timeout": group["HealthCheckTimeoutSeconds"],
            "healthy": group["HealthyThresholdCount"],
            "unhealthy": group["UnhealthyThresholdCount"],
            "codes": group.get("Matcher", {}).get("HttpCode"),
            "deregistration_seconds": _delay(answer),
            "attributes": unusual(attributes_of(answer), _DEFAULTS) | unusual(group, _CHECK),
        }
        return Observed(arn, state, detail={"name": name}, tagging=Tagging.of("elbv2", arn, tags))

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create a group for servers with its health check."""
        aws.elbv2.create_target_group(
            Name=aws.name(self),
            TargetType="instance",
            Protocol="HTTP",
            Port=self.port,
            VpcId=ids[self.vpc],
            Tags=aws.tags(self),
            **self._health(),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the health check, how long deregistration takes, and what is not as AWS sets it."""
        if others := [key for key in observed.state["attributes"] if key in _DEFAULTS]:
            attributes = [{"Key": key, "Value": _DEFAULTS[key]} for key in others]
            aws.elbv2.modify_target_group_attributes(TargetGroupArn=observed.id, Attributes=attributes)
        if drift - {"deregistration_seconds"}:
            aws.elbv2.modify_target_group(TargetGroupArn=observed.id, **self._health())
        if "deregistration_seconds" in drift:
            deregister_within(aws, observed.id, self.deregistration_seconds)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group; ELB refuses while a listener uses it."""
        aws.elbv2.delete_target_group(TargetGroupArn=observed.id)

    def _health(self) -> dict[str, Any]:
        return {
            **_CHECK,
            "HealthCheckPath": self.path,
            "HealthCheckIntervalSeconds": self.interval,
            "HealthCheckTimeoutSeconds": self.timeout,
            "HealthyThresholdCount": self.healthy,
            "UnhealthyThresholdCount": self.unhealthy,
            "Matcher": {"HttpCode": "200"},
        }


def delay(aws: Aws, arn: str) -> int:
    """The deregistration delay of a target group, in seconds."""
    return _delay(aws.elbv2.describe_target_group_attributes(TargetGroupArn=arn))


def _delay(answer: ApiObject) -> int:
    """AWS's default is 300."""
    return int(attributes_of(answer).get("deregistration_delay.timeout_seconds") or "300")


def deregister_within(aws: Aws, arn: str, seconds: int) -> None:
    """Set the deregistration delay of a target group."""
    attributes = [{"Key": "deregistration_delay.timeout_seconds", "Value": str(seconds)}]
    aws.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)


_CHECK = {"HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port"}
# As AWS sets them for a new target group.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html#target-group-attributes
_DEFAULTS = {
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.enabled": "false",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
