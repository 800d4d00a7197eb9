"""Check that the site stays up when a zone fails."""

from __future__ import annotations

from ...aws.snapshot import Snapshot
from ...resources.base import ObservedState
from ...resources.deployment_group import DeploymentGroup
from ..stack import Stack
from .check import Check


def availability(app: Stack) -> tuple[Check, ...]:
    """Checks of the servers that the application is deployed to."""
    group = app.the(DeploymentGroup)
    zones = {subnet.zone for subnet in group.servers.subnets}

    def probe(snapshot: Snapshot, observed_state: ObservedState) -> tuple[bool, dict[str, list[str]]]:
        servers, targets = observed_state[group.servers], observed_state[group.target_group]
        zone_of = servers.detail["instances"] if servers else {}
        arn = targets.id if targets else ""
        response = snapshot.get("elbv2", "describe_target_health", missing="TargetGroupNotFound", TargetGroupArn=arn)
        findings: dict[str, list[str]] = {zone: [] for zone in sorted(zones)}
        healthy = set()
        for description in (response or {}).get("TargetHealthDescriptions", []):
            target, health = description["Target"]["Id"], description["TargetHealth"]
            zone = zone_of.get(target, "not in service")
            reason = ": ".join(health[name] for name in ("Reason", "Description") if health.get(name))
            findings.setdefault(zone, []).append(f"{target} {health['State']}{f' ({reason})' if reason else ''}")
            healthy |= {zone} if health["State"] == "healthy" else set()
        return zones <= healthy, findings

    return (Check("Each zone has a server that the load balancer finds healthy", probe),)
