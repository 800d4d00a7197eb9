"""The DNS record of the site, which points to the load balancer."""

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
    """An alias record of type A to the load balancer."""

    zone: HostedZone
    domain: str
    balancer: LoadBalancer

    immutable = frozenset({"zone", "domain"})
    eventual_errors = frozenset({"PriorRequestNotComplete"})

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        record_set = record(snapshot, ids[self.zone], self.domain, "A") if self.zone in ids else None
        if record_set is None:
            return None
        alias = record_set.get("AliasTarget", {}).get("DNSName")
        target = alias or ", ".join(r["Value"] for r in record_set["ResourceRecords"])
        balancers = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
        arns = {bare(name): balancer["LoadBalancerArn"] for balancer in balancers if (name := balancer.get("DNSName"))}
        points_to = arns.get(bare(target).removeprefix("dualstack."), target)
        state = {"zone": ids[self.zone], "domain": self.domain, "balancer": points_to}
        return Observed(bare(record_set["Name"]), state, detail={"_record": record_set})

    def create(self, aws: Aws, ids: Ids) -> None:
        self._change(aws, ids, "CREATE")

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        self._change(aws, ids, "UPSERT")

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        if observed.state["balancer"] != ids.get(self.balancer):
            raise NotOwned(
                f"{self.key}: {self.domain} points to {observed.state['balancer']}, not to our load balancer.",
                fix="Remove the record manually if nobody needs it, or remove the domain from params/.",
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
