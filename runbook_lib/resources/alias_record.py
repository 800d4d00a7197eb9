"""The DNS record of the site, which points to the load balancer."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_change, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .hosted_zone import HostedZone, bare, change, record
from .load_balancer import LoadBalancer


@kind
class AliasRecord(Resource):
    """An alias record of type A to the load balancer.

    Records have no tags: ours is the one that points to our load balancer.  Any other record of that name is somebody
    else's, perhaps of a site that serves users now.  It is neither changed nor deleted.
    """

    zone: HostedZone
    domain: str
    balancer: LoadBalancer

    immutable = frozenset({"zone", "domain", "balancer"})
    eventual_errors = frozenset({"PriorRequestNotComplete"})

    needs = (
        to_look("elasticloadbalancing:DescribeLoadBalancers"),
        to_look("route53:ListResourceRecordSets", on="route53:hostedzone/{self.zone.known_as}"),
        to_change("route53:ChangeResourceRecordSets", on="route53:hostedzone/{self.zone.known_as}"),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the zone's A record of the domain. One that points elsewhere is not ours."""
        record_set = record(snapshot, ids[self.zone], self.domain, "A") if self.zone in ids else None
        if record_set is None:
            return None
        alias = record_set.get("AliasTarget", {}).get("DNSName")
        target = alias or ", ".join(r["Value"] for r in record_set.get("ResourceRecords", ()))
        balancers = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
        arns = {bare(name): balancer["LoadBalancerArn"] for balancer in balancers if (name := balancer.get("DNSName"))}
        points_to = arns.get(bare(target).removeprefix("dualstack."), target)
        state = {"zone": ids[self.zone], "domain": self.domain, "balancer": points_to}
        ours = points_to == ids.get(self.balancer)
        foreign = "" if ours else f"the record {self.domain} points to {points_to}, not to our load balancer"
        return Observed(bare(record_set["Name"]), state, foreign=foreign, detail={"_record": record_set})

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create it; Route 53 rejects that when there is a record of that name, so none is taken over."""
        (balancer,) = aws.elbv2.describe_load_balancers(LoadBalancerArns=[ids[self.balancer]])["LoadBalancers"]
        target: dict[str, Any] = {
            "HostedZoneId": balancer["CanonicalHostedZoneId"],
            "DNSName": f"dualstack.{balancer['DNSName']}",
            "EvaluateTargetHealth": False,
        }
        change(aws, ids[self.zone], "CREATE", {"Name": self.domain, "Type": "A", "AliasTarget": target})

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the record as it was observed, which Route 53 asks for."""
        change(aws, ids[self.zone], "DELETE", observed.detail["_record"])
