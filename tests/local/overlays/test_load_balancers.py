"""Load balancers and listeners are made, read back and refused as on AWS."""

from tests.local.overlays.errors import refused
from tests.local.overlays.tls import self_signed

POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def test_a_load_balancer_is_made_once_per_name(balancer):
    """The same request is the same balancer; another with its name is refused."""
    assert balancer.create() == balancer.arn
    with refused("DuplicateLoadBalancerName"):
        balancer.create(Scheme="internal")
    found = balancer.elb.describe_load_balancers()["LoadBalancers"]
    assert [(one["LoadBalancerArn"], one["Scheme"]) for one in found] == [(balancer.arn, "internet-facing")]


def test_attributes_read_back_from_the_start_and_as_set(balancer):
    """What nobody set has AWS's default."""
    assert balancer.attributes()["routing.http.drop_invalid_header_fields.enabled"] == "false"
    assert balancer.attributes()["access_logs.s3.enabled"] == "false"
    wanted = {
        "deletion_protection.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": "logs",
        "access_logs.s3.prefix": "alb",
    }
    before = balancer.attributes()
    balancer.set(wanted)
    assert balancer.attributes() == before | wanted


def test_a_protected_load_balancer_stays(balancer):
    """Until the protection is lifted."""
    balancer.set({"deletion_protection.enabled": "true"})
    with refused("OperationNotPermitted", "deletion protection"):
        balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    balancer.set({"deletion_protection.enabled": "false"})
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    assert balancer.elb.describe_load_balancers()["LoadBalancers"] == []


def test_a_listener_keeps_its_policy_and_changes_in_place(balancer):
    """The policy that was asked for, not the API's default of 2016."""
    arn = balancer.network.aws.client("acm").import_certificate(**self_signed("app.local"))["CertificateArn"]
    secure = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": arn}]}
    made = balancer.listener(**secure, SslPolicy=POLICY)
    assert made["SslPolicy"] == POLICY
    newer = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    balancer.elb.modify_listener(ListenerArn=made["ListenerArn"], SslPolicy=newer)
    (found,) = balancer.elb.describe_listeners(ListenerArns=[made["ListenerArn"]])["Listeners"]
    assert found == made | {"SslPolicy": newer}


def test_actions_read_back_whole(balancer):
    """A plan on AWS compares with what AWS fills in; so does one here."""
    forward = balancer.listener(Protocol="HTTP", Port=8080)
    assert "SslPolicy" not in forward
    weighted = [{"TargetGroupArn": balancer.target_group, "Weight": 1}]
    config = {"TargetGroups": weighted, "TargetGroupStickinessConfig": {"Enabled": False}}
    assert forward["DefaultActions"] == [balancer.forward | {"ForwardConfig": config}]
    asked = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    redirect = balancer.listener(
        Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": asked}]
    )
    filled = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
    assert redirect["DefaultActions"] == [{"Type": "redirect", "RedirectConfig": asked | filled}]


def test_a_port_is_taken_once(balancer):
    """The same request is the same listener; another on its port is refused."""
    made = balancer.listener(Protocol="HTTP", Port=80)
    assert balancer.listener(Protocol="HTTP", Port=80) == made
    asked = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    with refused("DuplicateListener"):
        balancer.listener(Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": asked}])


def test_a_target_group_in_use_stays(balancer):
    """Until its listener is gone."""
    listener = balancer.listener(Protocol="HTTP", Port=80)["ListenerArn"]
    with refused("ResourceInUse"):
        balancer.elb.delete_target_group(TargetGroupArn=balancer.target_group)
    balancer.elb.delete_listener(ListenerArn=listener)
    balancer.elb.delete_target_group(TargetGroupArn=balancer.target_group)
