"""Load balancers, listeners and target groups: creation, attributes, deletion."""

from services.errors import raises
from services.self_signed_certificate import self_signed

POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


def test_a_load_balancer_is_created_once_per_name(balancer):
    """The same request returns the same load balancer; another request with its name is rejected."""
    assert balancer.create() == balancer.arn
    with raises("DuplicateLoadBalancerName"):
        balancer.create(Scheme="internal")
    balancers = balancer.elb.describe_load_balancers()["LoadBalancers"]
    assert [(one["LoadBalancerArn"], one["Scheme"]) for one in balancers] == [(balancer.arn, "internet-facing")]


def test_attributes_have_defaults_and_can_be_set(balancer):
    """Attributes that are not set have AWS's defaults."""
    assert balancer.attributes()["routing.http.drop_invalid_header_fields.enabled"] == "false"
    assert balancer.attributes()["access_logs.s3.enabled"] == "false"
    changed = {
        "deletion_protection.enabled": "true",
        "routing.http.drop_invalid_header_fields.enabled": "true",
        "access_logs.s3.enabled": "true",
        "access_logs.s3.bucket": "logs",
        "access_logs.s3.prefix": "alb",
    }
    network = balancer.network
    network.aws.client("s3").create_bucket(Bucket="logs", CreateBucketConfiguration=network.location)
    before = balancer.attributes()
    balancer.set_attributes(changed)
    assert balancer.attributes() == before | changed


def test_a_protected_load_balancer_cannot_be_deleted(balancer):
    """Until the protection is disabled."""
    balancer.set_attributes({"deletion_protection.enabled": "true"})
    with raises("OperationNotPermitted", "deletion protection"):
        balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    balancer.set_attributes({"deletion_protection.enabled": "false"})
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    assert balancer.elb.describe_load_balancers()["LoadBalancers"] == []


def test_a_listener_keeps_its_policy_and_changes_in_place(balancer):
    """It has the requested policy, not the API's default of 2016."""
    arn = balancer.network.aws.client("acm").import_certificate(**self_signed("app.local"))["CertificateArn"]
    secure = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": arn}]}
    created = balancer.create_listener(**secure, SslPolicy=POLICY)
    assert created["SslPolicy"] == POLICY
    newer = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    balancer.elb.modify_listener(ListenerArn=created["ListenerArn"], SslPolicy=newer)
    (changed,) = balancer.elb.describe_listeners(ListenerArns=[created["ListenerArn"]])["Listeners"]
    assert changed == created | {"SslPolicy": newer}


def test_actions_are_described_completely(balancer):
    """With the fields that AWS fills in."""
    forward = balancer.create_listener(Protocol="HTTP", Port=8080)
    assert "SslPolicy" not in forward
    weighted = [{"TargetGroupArn": balancer.target_group, "Weight": 1}]
    config = {"TargetGroups": weighted, "TargetGroupStickinessConfig": {"Enabled": False}}
    assert forward["DefaultActions"] == [balancer.forward | {"ForwardConfig": config}]
    params = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    redirect = balancer.create_listener(
        Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": params}]
    )
    filled = {"Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
    assert redirect["DefaultActions"] == [{"Type": "redirect", "RedirectConfig": params | filled}]


def test_a_port_has_one_listener(balancer):
    """The same request returns the same listener; another request for its port is rejected."""
    created = balancer.create_listener(Protocol="HTTP", Port=80)
    assert balancer.create_listener(Protocol="HTTP", Port=80) == created
    params = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    with raises("DuplicateListener"):
        balancer.create_listener(
            Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": params}]
        )


def test_a_target_group_in_use_cannot_be_deleted(balancer):
    """Until its listener is deleted."""
    listener = balancer.create_listener(Protocol="HTTP", Port=80)["ListenerArn"]
    with raises("ResourceInUse"):
        balancer.elb.delete_target_group(TargetGroupArn=balancer.target_group)
    balancer.elb.delete_listener(ListenerArn=listener)
    balancer.elb.delete_target_group(TargetGroupArn=balancer.target_group)


def test_a_target_group_in_a_rule_cannot_be_deleted(balancer):
    """Until the rule is deleted."""
    listener = balancer.create_listener(Protocol="HTTP", Port=80)["ListenerArn"]
    other = balancer.elb.create_target_group(Name="other", Protocol="HTTP", Port=80, VpcId=balancer.network.vpc)
    arn = other["TargetGroups"][0]["TargetGroupArn"]
    conditions = [{"Field": "path-pattern", "Values": ["/other/*"]}]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    created = balancer.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=conditions, Actions=forward)
    with raises("ResourceInUse"):
        balancer.elb.delete_target_group(TargetGroupArn=arn)
    balancer.elb.delete_rule(RuleArn=created["Rules"][0]["RuleArn"])
    balancer.elb.delete_target_group(TargetGroupArn=arn)


def group_attributes(balancer):
    attributes = balancer.elb.describe_target_group_attributes(TargetGroupArn=balancer.target_group)["Attributes"]
    return {attribute["Key"]: attribute["Value"] for attribute in attributes}


def test_a_target_group_has_attributes(balancer):
    """Defaults and set values; unknown attributes are rejected."""
    before = group_attributes(balancer)
    assert before["deregistration_delay.timeout_seconds"] == "300"
    assert before["stickiness.lb_cookie.duration_seconds"] == "86400"
    changed = {"deregistration_delay.timeout_seconds": "30", "slow_start.duration_seconds": "60"}
    changes = [{"Key": key, "Value": value} for key, value in changed.items()]
    balancer.elb.modify_target_group_attributes(TargetGroupArn=balancer.target_group, Attributes=changes)
    assert group_attributes(balancer) == before | changed
    with raises("ValidationError", "'bogus' is not recognized"):
        balancer.elb.modify_target_group_attributes(
            TargetGroupArn=balancer.target_group, Attributes=[{"Key": "bogus", "Value": "1"}]
        )


def test_a_target_group_is_created_once_per_name(balancer):
    """The same request returns the same group; another request with its name is rejected."""
    params = {"Name": "web", "Protocol": "HTTP", "Port": 8080, "VpcId": balancer.network.vpc}
    again = balancer.elb.create_target_group(**params)["TargetGroups"][0]["TargetGroupArn"]
    assert again == balancer.target_group
    with raises("DuplicateTargetGroupName"):
        balancer.elb.create_target_group(**(params | {"Port": 8081}))


def test_tags_of_twenty_resources_are_read_at_once(balancer):
    """More than twenty resources, and deleted ones, are rejected."""
    vpc = balancer.network.vpc
    arns = []
    for number in range(20):
        tags = [{"Key": "number", "Value": str(number)}]
        created = balancer.elb.create_target_group(Name=f"t{number}", Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags)
        arns.append(created["TargetGroups"][0]["TargetGroupArn"])
    descriptions = balancer.elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
    assert {one["ResourceArn"]: one["Tags"][0]["Value"] for one in descriptions} == {
        arn: str(number) for number, arn in enumerate(arns)
    }
    with raises("ValidationError", "more than 20"):
        balancer.elb.describe_tags(ResourceArns=[*arns, balancer.arn])
    balancer.elb.delete_target_group(TargetGroupArn=arns[0])
    with raises("TargetGroupNotFound"):
        balancer.elb.describe_tags(ResourceArns=arns[:2])


def test_a_listener_has_the_attributes_of_http(balancer):
    """Not those of TCP."""
    listener = balancer.create_listener(Protocol="HTTP", Port=80)["ListenerArn"]
    attributes = balancer.elb.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    assert attributes == [{"Key": "routing.http.response.server.enabled", "Value": "true"}]


def test_a_load_balancer_needs_two_zones(balancer):
    """Its name is short, and an internet-facing one needs an internet gateway."""
    network = balancer.network
    params = {"Subnets": network.subnets, "SecurityGroups": [network.group], "Name": "other"}
    with raises("ValidationError", "two different Availability Zones"):
        balancer.elb.create_load_balancer(**(params | {"Subnets": network.subnets[:1]}))
    second = network.ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-west-2a")
    with raises("InvalidConfigurationRequest", "same Availability Zone"):
        same = [network.subnets[0], second["Subnet"]["SubnetId"]]
        balancer.elb.create_load_balancer(**(params | {"Subnets": same}))
    with raises("ValidationError", "longer than '32' characters"):
        balancer.elb.create_load_balancer(**(params | {"Name": "x" * 33}))
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    network.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    with raises("InvalidSubnet", "has no internet gateway"):
        balancer.elb.create_load_balancer(**params)
    balancer.elb.create_load_balancer(**params, Scheme="internal")


def test_a_gateway_load_balancer_has_no_dns_name(aws, network):
    """https://docs.aws.amazon.com/cli/latest/reference/elbv2/create-load-balancer.html (the example)."""
    elb = aws.client("elbv2")
    created = elb.create_load_balancer(Name="appliances", Type="gateway", Subnets=network.subnets)["LoadBalancers"][0]
    assert {"DNSName", "Scheme"}.isdisjoint(created)
