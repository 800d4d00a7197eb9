"""Load balancers: made once per name, read back whole, and kept by their deletion protection."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer

from runbook_lib.local import world
from runbook_lib.local.overlays.around import Method, around
from runbook_lib.local.overlays.refused import Refused

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}

LONGEST_NAME = 32


@around(FakeLoadBalancer, "__init__")
def made(moto: Method, balancer: Any, *args: Any, **sent: Any) -> None:
    """Every attribute has a value from the start, and a balancer faces the internet unless asked otherwise."""
    moto(balancer, *args, **{**sent, "scheme": sent.get("scheme") or "internet-facing"})
    if balancer.type == "application":
        balancer.attrs = dict(ATTRIBUTES)


@around(ELBv2Backend, "create_load_balancer")
def create_load_balancer(moto: Method, elb: Any, **sent: Any) -> Any:
    """A name is taken once; the same request again is the same load balancer.

    "If you attempt to create multiple load balancers with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    """
    for balancer in elb.load_balancers.values():
        if balancer.name == sent["name"]:
            if _settings(balancer) == _asked(sent):
                return balancer
            raise Refused("DuplicateLoadBalancerName", f"A load balancer with the name '{balancer.name}' exists.")
    if len(sent["name"]) > LONGEST_NAME:
        why = f"The load balancer name '{sent['name']}' cannot be longer than '{LONGEST_NAME}' characters"
        raise Refused("ValidationError", why)
    if (sent.get("loadbalancer_type") or "application") == "application":
        _refuse_subnets(elb, sent)
    return moto(elb, **sent)


def _refuse_subnets(elb: Any, sent: dict[str, Any]) -> None:
    """Two zones at least, one subnet in each, and a way to the internet for who faces it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer
    """
    ec2 = world.backend("ec2", elb.region_name)
    subnets = [ec2.get_subnet(subnet_id) for subnet_id in sorted(_asked(sent)["subnets"])]
    zones = {subnet.availability_zone for subnet in subnets}
    if len(subnets) < 2:
        raise Refused("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    if len(zones) < len(subnets):
        why = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise Refused("InvalidConfigurationRequest", why)
    attached = [gateway.vpc.id for gateway in ec2.internet_gateways.values() if gateway.vpc]
    if _asked(sent)["scheme"] == "internet-facing" and subnets[0].vpc_id not in attached:
        raise Refused("InvalidSubnet", f"VPC {subnets[0].vpc_id} has no internet gateway")


def _settings(balancer: Any) -> dict[str, Any]:
    return {
        "subnets": {subnet.id for subnet in balancer.subnets},
        "groups": set(balancer.security_groups),
        "scheme": balancer.scheme,
        "type": balancer.type,
    }


def _asked(sent: dict[str, Any]) -> dict[str, Any]:
    mapped = [mapping["SubnetId"] for mapping in sent.get("subnet_mappings") or []]
    return {
        "subnets": {*(sent.get("subnet_ids") or []), *mapped},
        "groups": set(sent.get("security_groups") or []),
        "scheme": sent.get("scheme") or "internet-facing",
        "type": sent.get("loadbalancer_type") or "application",
    }


@around(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(moto: Method, elb: Any, arn: str) -> None:
    """Not while it is protected; one that does not exist is no error.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html
    """
    balancer = elb.load_balancers.get(arn)
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        why = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        raise Refused("OperationNotPermitted", why)
    moto(elb, arn)
