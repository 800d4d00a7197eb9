"""Load balancers and listeners are made, read back and refused as on AWS."""

from services.errors import refused
from services.tls import self_signed

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
    network = balancer.network
    network.aws.client("s3").create_bucket(Bucket="logs", CreateBucketConfiguration=network.here)
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


def test_a_target_group_in_a_rule_stays(balancer):
    """Until the rule is gone."""
    listener = balancer.listener(Protocol="HTTP", Port=80)["ListenerArn"]
    other = balancer.elb.create_target_group(Name="other", Protocol="HTTP", Port=80, VpcId=balancer.network.vpc)
    arn = other["TargetGroups"][0]["TargetGroupArn"]
    conditions = [{"Field": "path-pattern", "Values": ["/other/*"]}]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    made = balancer.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=conditions, Actions=forward)
    with refused("ResourceInUse"):
        balancer.elb.delete_target_group(TargetGroupArn=arn)
    balancer.elb.delete_rule(RuleArn=made["Rules"][0]["RuleArn"])
    balancer.elb.delete_target_group(TargetGroupArn=arn)


def group_attributes(balancer):
    found = balancer.elb.describe_target_group_attributes(TargetGroupArn=balancer.target_group)["Attributes"]
    return {attribute["Key"]: attribute["Value"] for attribute in found}


def test_a_target_group_reads_back_its_attributes(balancer):
    """From the start and as set; and only those that there are."""
    before = group_attributes(balancer)
    assert before["deregistration_delay.timeout_seconds"] == "300"
    assert before["stickiness.lb_cookie.duration_seconds"] == "86400"
    wanted = {"deregistration_delay.timeout_seconds": "30", "slow_start.duration_seconds": "60"}
    changes = [{"Key": key, "Value": value} for key, value in wanted.items()]
    balancer.elb.modify_target_group_attributes(TargetGroupArn=balancer.target_group, Attributes=changes)
    assert group_attributes(balancer) == before | wanted
    with refused("ValidationError", "'bogus' is not recognized"):
        balancer.elb.modify_target_group_attributes(
            TargetGroupArn=balancer.target_group, Attributes=[{"Key": "bogus", "Value": "1"}]
        )


def test_a_target_group_is_made_once_per_name(balancer):
    """The same request is the same group; another with its name is refused."""
    asked = {"Name": "web", "Protocol": "HTTP", "Port": 8080, "VpcId": balancer.network.vpc}
    again = balancer.elb.create_target_group(**asked)["TargetGroups"][0]["TargetGroupArn"]
    assert again == balancer.target_group
    with refused("DuplicateTargetGroupName"):
        balancer.elb.create_target_group(**(asked | {"Port": 8081}))


def test_tags_of_twenty_things_are_read_at_once(balancer):
    """Not of twenty-one, and not of what is gone."""
    vpc = balancer.network.vpc
    arns = []
    for number in range(20):
        tags = [{"Key": "number", "Value": str(number)}]
        made = balancer.elb.create_target_group(Name=f"t{number}", Protocol="HTTP", Port=80, VpcId=vpc, Tags=tags)
        arns.append(made["TargetGroups"][0]["TargetGroupArn"])
    found = balancer.elb.describe_tags(ResourceArns=arns)["TagDescriptions"]
    assert {one["ResourceArn"]: one["Tags"][0]["Value"] for one in found} == {
        arn: str(number) for number, arn in enumerate(arns)
    }
    with refused("ValidationError", "more than 20"):
        balancer.elb.describe_tags(ResourceArns=[*arns, balancer.arn])
    balancer.elb.delete_target_group(TargetGroupArn=arns[0])
    with refused("TargetGroupNotFound"):
        balancer.elb.describe_tags(ResourceArns=arns[:2])


def test_a_listener_has_the_attributes_of_http(balancer):
    """Not of TCP."""
    listener = balancer.listener(Protocol="HTTP", Port=80)["ListenerArn"]
    found = balancer.elb.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    assert found == [{"Key": "routing.http.response.server.enabled", "Value": "true"}]


def test_a_load_balancer_stands_in_two_zones(balancer):
    """With a short name and, where it faces the internet, with a gateway."""
    network = balancer.network
    asked = {"Subnets": network.subnets, "SecurityGroups": [network.group], "Name": "other"}
    with refused("ValidationError", "two different Availability Zones"):
        balancer.elb.create_load_balancer(**(asked | {"Subnets": network.subnets[:1]}))
    second = network.ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-west-2a")
    with refused("InvalidConfigurationRequest", "same Availability Zone"):
        same = [network.subnets[0], second["Subnet"]["SubnetId"]]
        balancer.elb.create_load_balancer(**(asked | {"Subnets": same}))
    with refused("ValidationError", "longer than '32' characters"):
        balancer.elb.create_load_balancer(**(asked | {"Name": "x" * 33}))
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    network.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    with refused("InvalidSubnet", "has no internet gateway"):
        balancer.elb.create_load_balancer(**asked)
    balancer.elb.create_load_balancer(**asked, Scheme="internal")
