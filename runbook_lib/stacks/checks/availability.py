"""Whether losing a zone would leave the site up."""

from __future__ import annotations

from ...aws.snapshot import Snapshot
from ...resources.base import ObservedState
from ...resources.deployment_group import DeploymentGroup
from ..stack import Stack
from .check import Check


def availability(app: Stack) -> tuple[Check, ...]:
    """Claims about the servers that an application is deployed to."""
    group = app.the(DeploymentGroup)
    zones = {subnet.zone for subnet in group.servers.subnets}

    def probe(look: Snapshot, seen: ObservedState) -> tuple[bool, dict[str, list[str]]]:
        servers, targets = seen[group.servers], seen[group.target_group]
        where = servers.detail["instances"] if servers else {}
        arn = targets.id if targets else ""
        answer = look.get("elbv2", "describe_target_health", missing="TargetGroupNotFound", TargetGroupArn=arn)
        found: dict[str, list[str]] = {zone: [] for zone in sorted(zones)}
        healthy = set()
        for described in (answer or {}).get("TargetHealthDescriptions", []):
            target, health = described["Target"]["Id"], described["TargetHealth"]
            zone = where.get(target, "not in service")
            why = f" ({health['Reason']})" if health.get("Reason") else ""
            found.setdefault(zone, []).append(f"{target} {health['State']}{why}")
            healthy |= {zone} if health["State"] == "healthy" else set()
        return zones <= healthy, found

    return (Check("Each zone has a server that the load balancer finds healthy", probe),)
