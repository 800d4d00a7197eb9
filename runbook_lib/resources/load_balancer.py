"""An application load balancer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import linked_role, to_apply, to_change, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .bucket import Bucket
from .defaults import unusual
from .internet_gateway import InternetGateway
from .security_group import SecurityGroup
from .subnet import Subnet
from .tagging import Tagging

_ON = "elasticloadbalancing:loadbalancer/app/{env}-{self.name}/*"


@kind
class LoadBalancer(Resource):
    """An internet-facing load balancer in all zones; its id is its ARN.

    Args:
        gateway: Not a field in AWS, which requires it in the VPC of an internet-facing load balancer.
        logs: The bucket for its access logs, under ``alb/``.
        protected: Whether deletion protection is on.
        ports: Of the stack's listeners; a listener on another port is one of ``other_listeners``, and does not stay.
    """

    subnets: tuple[Subnet, ...]
    gateway: InternetGateway
    groups: tuple[SecurityGroup, ...]
    logs: Bucket
    protected: bool = True
    ports: tuple[int, ...] = (80, 443)

    # The bucket or its policy may not be in effect yet; other uses of the last code are mistakes.
    # https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1956 (the policy)
    # https://github.com/cn-terraform/terraform-aws-ecs-fargate/issues/49 (the bucket)
    eventual_errors = frozenset(
        {
            "SubnetNotFound",
            "InvalidSubnet",
            "InvalidSecurityGroup",
            "InvalidConfigurationRequest: Access Denied for bucket",
            "InvalidConfigurationRequest: S3Bucket",
        }
    )
    wait_timeout = 900
    usual_wait, usual_delete = "2 to 3 min", "15 to 30 s"  # 141-190 s
    if_failed = "Correct the cause. It holds no data: if it cannot recover, delete it in the console, then apply again."

    needs = (
        to_look(
            "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancerAttributes",
            "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags",
        ),
        to_apply(
            "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets", on=_ON,
        ),
        to_change("elasticloadbalancing:ModifyLoadBalancerAttributes", on=_ON),
        to_apply("elasticloadbalancing:DeleteListener", on="elasticloadbalancing:listener/app/{env}-{self.name}/*"),
        to_destroy("elasticloadbalancing:DeleteLoadBalancer", on=_ON),
        linked_role("elasticloadbalancing"),
    )  # fmt: skip

    @property
    def prevent_destroy(self) -> str:
        """Refuse a destroy while the parameters protect the load balancer."""
        return "guards.deletion_protection is true" if self.protected else ""

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare subnets, groups, listeners, and the attributes that are set here or are not as AWS sets them."""
        wanted = super().desired(ids)
        attributes = {
            "access_logs.s3.enabled": "true",
            "access_logs.s3.bucket": wanted["logs"],
            "access_logs.s3.prefix": "alb",
            "deletion_protection.enabled": str(self.protected).lower(),
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "routing.http.desync_mitigation_mode": "defensive",
        }
        seen = {name: wanted[name] for name in ("subnets", "groups")}
        return {**seen, "attributes": attributes, "other_listeners": frozenset()}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the load balancer up by its name, with those of its attributes that we set."""
        name = snapshot.aws.name(self)
        balancers = snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
        balancer = next((item for item in balancers if item["LoadBalancerName"] == name), None)
        if balancer is None:
            return None
        arn = balancer["LoadBalancerArn"]
        tags = read_tags(snapshot, arn)
        is_owned(snapshot, self, tags)
        desired = self.desired(ids)["attributes"]
        answer = snapshot.get("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=arn)
        attributes = attributes_of(answer)
        listeners = snapshot.all("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn)
        strangers = [each for each in listeners if each["Port"] not in self.ports]
        status = balancer["State"]["Code"]
        return Observed(
            arn,
            {
                "subnets": frozenset(zone["SubnetId"] for zone in balancer["AvailabilityZones"]),
                "groups": frozenset(balancer.get("SecurityGroups", [])),
                "attributes": {key: value for key, value in attributes.items() if key in desired}
                | unusual(attributes, _DEFAULTS),
                "other_listeners": frozenset(f"{each['Protocol']} {each['Port']}" for each in strangers),
            },
            ready=status in ("active", "active_impaired"),
            status=status,
            failed=balancer["State"].get("Reason", "AWS gives no reason") if status == "failed" else "",
            detail={"dns_name": balancer["DNSName"], "_strangers": [each["ListenerArn"] for each in strangers]},
            tagging=Tagging.of("elbv2", arn, tags),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create a public application load balancer; an update sets its attributes."""
        aws.elbv2.create_load_balancer(
            Name=aws.name(self),
            Type="application",
            Scheme="internet-facing",
            IpAddressType="ipv4",
            Subnets=[ids[subnet] for subnet in self.subnets],
            SecurityGroups=[ids[group] for group in self.groups],
            Tags=aws.tags(self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set subnets, groups and attributes, one call for each that differs; delete listeners that are not ours."""
        if "subnets" in drift:
            aws.elbv2.set_subnets(LoadBalancerArn=observed.id, Subnets=[ids[subnet] for subnet in self.subnets])
        if "groups" in drift:
            aws.elbv2.set_security_groups(
                LoadBalancerArn=observed.id, SecurityGroups=[ids[group] for group in self.groups]
            )
        if "attributes" in drift:
            usual = {key: _DEFAULTS[key] for key in observed.state["attributes"] if key in _DEFAULTS}
            wanted = usual | self.desired(ids)["attributes"]
            attributes = [{"Key": key, "Value": value} for key, value in wanted.items()]
            aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=observed.id, Attributes=attributes)
        for listener in observed.detail["_strangers"] if "other_listeners" in drift else ():
            aws.elbv2.delete_listener(ListenerArn=listener)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Lift a deletion protection that AWS still has, and delete the load balancer."""
        # The guard is off in the parameters, but deletion protection may still be on in AWS.
        if observed.state["attributes"].get("deletion_protection.enabled") == "true":
            lifted = [{"Key": "deletion_protection.enabled", "Value": "false"}]
            aws.elbv2.modify_load_balancer_attributes(LoadBalancerArn=observed.id, Attributes=lifted)
        aws.elbv2.delete_load_balancer(LoadBalancerArn=observed.id)


def read_tags(snapshot: Snapshot, arn: str, beside: Iterable[str] = ()) -> ApiObject | None:
    """The tags of a load balancer, listener or target group; ``None`` when it is gone.  AWS's lists lack them.

    Args:
        beside: The ARNs of others, whose tags are asked for by the same call, which takes 20:
            https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
    """
    gone = ("LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound")
    every = sorted({arn, *beside})
    start = every.index(arn) // 20 * 20
    together = every[start : start + 20]
    response = snapshot.get("elbv2", "describe_tags", missing=gone, ResourceArns=together)
    if response is None:
        return read_tags(snapshot, arn) if len(together) > 1 else None  # one of them is gone
    return next((tags for tags in response["TagDescriptions"] if tags["ResourceArn"] == arn), {})


def attributes_of(answer: ApiObject | None) -> dict[str, str]:
    """The attributes in an answer of Elastic Load Balancing."""
    return {each["Key"]: each["Value"] for each in (answer or {"Attributes": []})["Attributes"]}


# Those that are not set here, as AWS sets them for a new load balancer.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#load-balancer-attributes
_DEFAULTS = {
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
