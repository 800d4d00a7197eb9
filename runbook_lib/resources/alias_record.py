"""The name by which the world finds the load balancer."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from ..errors import NotOwned
from .base import Ids, Observed, Resource, kind
from .hosted_zone import HostedZone, bare, change, record
from .load_balancer import LoadBalancer


@kind
class AliasRecord(Resource):
    """An A record that follows the load balancer's addresses."""

    zone: HostedZone
    domain: str
    balancer: LoadBalancer

    immutable = frozenset({"zone", "domain"})
    eventual_errors = frozenset({"PriorRequestNotComplete"})

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        found = record(snapshot, ids[self.zone], self.domain, "A") if self.zone in ids else None
        if found is None:
            return None
        target = found.get("AliasTarget", {}).get("DNSName") or ", ".join(r["Value"] for r in found["ResourceRecords"])
        balancers = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
        arns = {bare(balancer["DNSName"]): balancer["LoadBalancerArn"] for balancer in balancers}
        points_to = arns.get(bare(target).removeprefix("dualstack."), target)
        state = {"zone": ids[self.zone], "domain": self.domain, "balancer": points_to}
        return Observed(bare(found["Name"]), state, detail={"_record": found})

    def create(self, aws: Aws, ids: Ids) -> None:
        self._change(aws, ids, "CREATE")

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        self._change(aws, ids, "UPSERT")

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        if observed.state["balancer"] != ids.get(self.balancer):
            raise NotOwned(
                f"{self.key}: {self.domain} points to {observed.state['balancer']}, not to our load balancer.",
                fix="Remove the record by hand if nobody needs it, or take the domain out of params/.",
            )
        change(aws, ids[self.zone], "DELETE", observed.detail["_record"])

    def _change(self, aws: Aws, ids: Ids, action: str) -> None:
        (balancer,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[ids[self.balancer]])["LoadBalancers"]
        target: dict[str, Any] = {
            "HostedZoneId": balancer["CanonicalHostedZoneId"],
            "DNSName": f"dualstack.{balancer['DNSName']}",
            "EvaluateTargetHealth": False,
        }
        change(aws, ids[self.zone], action, {"Name": self.domain, "Type": "A", "AliasTarget": target})
