"""Validation of load balancers, listeners, rules and target groups."""

import pytest

from services.errors import raises, unchanged
from services.self_signed_certificate import self_signed

UNKNOWN = "00000000000000000"
UNKNOWN_CERTIFICATE = "arn:aws:iam::123456789012:server-certificate/nobody"
INVALID_CONFIGURATION = "InvalidConfigurationRequest"


@pytest.fixture
def foreign(network):
    """A subnet, a security group and a target group of another VPC."""
    ec2 = network.ec2
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    created = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24", AvailabilityZone="us-west-2b")
    group = ec2.create_security_group(GroupName="else", Description="else", VpcId=vpc)["GroupId"]
    elb = network.aws.client("elbv2")
    target = elb.create_target_group(Name="else", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    return created["Subnet"]["SubnetId"], group, target["TargetGroupArn"]


@pytest.fixture
def certificate(network):
    """An issued certificate."""
    return network.aws.client("acm").import_certificate(**self_signed("app.local"))["CertificateArn"]


def test_invalid_names_of_load_balancers_are_rejected(balancer):
    invalid = [
        ("internal-web", "cannot begin with 'internal-'"),
        ("-web", "cannot begin or end with a hyphen"),
        ("web_app", "can only contain characters that are alphanumeric characters and hyphens(-)"),
        ("w" * 33, "cannot be longer than '32' characters"),
    ]
    with unchanged(balancer.elb.describe_load_balancers):
        for name, message in invalid:
            with raises("ValidationError", message):
                balancer.create(Name=name)


def test_a_load_balancer_is_in_one_vpc(balancer, foreign):
    """At its creation, and when its subnets and security groups are changed."""
    elb, (first, second) = balancer.elb, balancer.network.subnets
    subnet, group, _ = foreign
    invalid = [
        ({"Subnets": [first, f"subnet-{UNKNOWN}"]}, "SubnetNotFound", f"subnet-{UNKNOWN}"),
        ({"Subnets": [first, subnet]}, INVALID_CONFIGURATION, "All subnets must belong to the same VPC"),
        ({"SecurityGroups": [f"sg-{UNKNOWN}"]}, "InvalidSecurityGroup", f"sg-{UNKNOWN}"),
        ({"SecurityGroups": [group]}, INVALID_CONFIGURATION, "One or more security groups are invalid"),
        ({"Scheme": "bogus"}, "ValidationError", "enum value set: [internet-facing, internal]"),
    ]
    with unchanged(elb.describe_load_balancers):
        for changed, code, message in invalid:
            with raises(code, message):
                balancer.create(**({"Name": "new"} | changed))
        with raises("ValidationError", "two different Availability Zones"):
            elb.set_subnets(LoadBalancerArn=balancer.arn, Subnets=[first])
        with raises(INVALID_CONFIGURATION, "same VPC"):
            elb.set_subnets(LoadBalancerArn=balancer.arn, Subnets=[first, subnet])
        with raises(INVALID_CONFIGURATION, "One or more security groups are invalid"):
            elb.set_security_groups(LoadBalancerArn=balancer.arn, SecurityGroups=[group])
    elb.set_subnets(LoadBalancerArn=balancer.arn, Subnets=[first, second])


def test_invalid_attributes_of_load_balancers_are_rejected(balancer):
    """And logs need an existing bucket."""
    before = balancer.attributes()
    invalid = [
        ({"bogus": "1"}, "ValidationError", "'bogus' is not recognized"),
        ({"idle_timeout.timeout_seconds": "4001"}, "ValidationError", "must be between '1-4000' inclusive"),
        ({"deletion_protection.enabled": "yes"}, "ValidationError", "must be 'true' or 'false'"),
        ({"access_logs.s3.enabled": "true"}, INVALID_CONFIGURATION, "bucket must be specified"),
        (
            {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "none"},
            INVALID_CONFIGURATION,
            "none does not exist",
        ),
    ]
    for attributes, code, message in invalid:
        with raises(code, message):
            balancer.set_attributes({"routing.http2.enabled": "false"} | attributes)
    assert balancer.attributes() == before


def test_invalid_listeners_are_rejected(balancer, certificate, foreign):
    """A secure listener needs an issued certificate and a known policy; others must not have them."""
    acm = balancer.network.aws.client("acm")
    pending = acm.request_certificate(DomainName="app.example.com", ValidationMethod="DNS")["CertificateArn"]
    certificates, missing = [{"CertificateArn": certificate}], f"{certificate[:-4]}0000"
    secure = {"Protocol": "HTTPS", "Port": 443}
    unknown_group = {"Type": "forward", "TargetGroupArn": f"{balancer.target_group[:-4]}0000"}
    foreign_group = {"Type": "forward", "TargetGroupArn": foreign[2]}
    invalid = [
        (secure, "ValidationError", "A certificate must be specified for HTTPS listeners"),
        (secure | {"Certificates": [{"CertificateArn": missing}]}, "CertificateNotFound", missing),
        (secure | {"Certificates": [{"CertificateArn": pending}]}, "UnsupportedCertificate", pending),
        (
            secure | {"Certificates": certificates, "SslPolicy": "ELBSecurityPolicy-2099-01"},
            "SSLPolicyNotFound",
            "SSL policy 'ELBSecurityPolicy-2099-01' not found",
        ),
        ({"Certificates": certificates}, "ValidationError", "A certificate cannot be specified for HTTP listeners"),
        ({"SslPolicy": "ELBSecurityPolicy-2016-08"}, "ValidationError", "An SSL policy cannot be specified for HTTP"),
        ({"Protocol": "TCP"}, "ValidationError", "must be one of 'HTTP, HTTPS'"),
        ({"Port": 65536}, "ValidationError", "Value '65536' at 'port' failed to satisfy constraint"),
        (secure | {"Certificates": [{"CertificateArn": "garbage"}]}, "ValidationError", "'garbage' is not valid"),
        (
            secure | {"Certificates": [{"CertificateArn": UNKNOWN_CERTIFICATE}]},
            "CertificateNotFound",
            UNKNOWN_CERTIFICATE,
        ),
        ({"DefaultActions": []}, "ValidationError", "A default action must be specified"),
        ({"DefaultActions": [{"Type": "redirect"}]}, "InvalidLoadBalancerAction", "'RedirectConfig'"),
        ({"DefaultActions": [redirect(Protocol="HTTP")]}, "InvalidLoadBalancerAction", "it creates a loop"),
        ({"DefaultActions": [redirect(Port="80", Query="a=b")]}, "InvalidLoadBalancerAction", "it creates a loop"),
        ({"DefaultActions": [unknown_group]}, "TargetGroupNotFound", ""),
        ({"DefaultActions": [foreign_group]}, INVALID_CONFIGURATION, "is in a different VPC than load balancer"),
        ({"LoadBalancerArn": f"{balancer.arn[:-4]}0000"}, "LoadBalancerNotFound", ""),
    ]
    for params, code, message in invalid:
        with raises(code, message):
            balancer.create_listener(**({"Protocol": "HTTP", "Port": 80} | params))
    assert balancer.elb.describe_listeners(LoadBalancerArn=balancer.arn)["Listeners"] == []


def redirect(**changed):
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"} | changed}


def test_invalid_changes_of_listeners_are_rejected(balancer, certificate):
    """A port in use, unknown policies, unknown and pending certificates, and redirect loops."""
    acm = balancer.network.aws.client("acm")
    pending = acm.request_certificate(DomainName="app.example.com", ValidationMethod="DNS")["CertificateArn"]
    secure = balancer.create_listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": certificate}])
    balancer.create_listener(Protocol="HTTP", Port=80)

    def listeners():
        return balancer.elb.describe_listeners(LoadBalancerArn=balancer.arn)

    with unchanged(listeners):
        with raises("DuplicateListener", "A listener already exists on this port for this load balancer"):
            balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], Port=80)
        with raises("SSLPolicyNotFound"):
            balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], SslPolicy="ELBSecurityPolicy-2099-01")
        with raises("InvalidLoadBalancerAction", "it creates a loop"):
            balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], DefaultActions=[redirect(Port="443")])
        for arn, code in ((pending, "UnsupportedCertificate"), (UNKNOWN_CERTIFICATE, "CertificateNotFound")):
            with raises(code):
                balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], Certificates=[{"CertificateArn": arn}])
    balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], Port=443)


def test_every_tls_policy_is_supported(balancer, certificate):
    """At the creation and later; all policies are described."""
    params = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": certificate}]}
    listener = balancer.create_listener(**params, SslPolicy="ELBSecurityPolicy-FS-2018-06")["ListenerArn"]
    for policy in ("ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-FS-1-2-Res-2019-08"):
        balancer.elb.modify_listener(ListenerArn=listener, SslPolicy=policy)
        (described_listener,) = balancer.elb.describe_listeners(ListenerArns=[listener])["Listeners"]
        assert described_listener["SslPolicy"] == policy
    (described,) = balancer.elb.describe_ssl_policies(Names=[policy])["SslPolicies"]
    assert (described["SslProtocols"], len(described["Ciphers"])) == (["TLSv1.2"], 8)


def test_server_certificates_of_iam_are_accepted(balancer):
    iam, created = balancer.network.aws.client("iam"), self_signed("app.local")
    files = {"CertificateBody": created["Certificate"].decode(), "PrivateKey": created["PrivateKey"].decode()}
    arn = iam.upload_server_certificate(ServerCertificateName="app", **files)["ServerCertificateMetadata"]["Arn"]
    listener = balancer.create_listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": arn}])
    assert [certificate["CertificateArn"] for certificate in listener["Certificates"]] == [arn]


def test_invalid_changes_of_rules_are_rejected(balancer):
    """The default rule cannot be deleted, and rules must not redirect to themselves."""
    listener = balancer.create_listener(Protocol="HTTP", Port=80)["ListenerArn"]
    elb, where = balancer.elb, [{"Field": "path-pattern", "Values": ["/old"]}]
    (default,) = elb.describe_rules(ListenerArn=listener)["Rules"]
    with raises("OperationNotPermitted", "Default rule"):
        elb.delete_rule(RuleArn=default["RuleArn"])
    params = {"ListenerArn": listener, "Priority": 1, "Conditions": where}
    with raises("InvalidLoadBalancerAction", "it creates a loop"):
        elb.create_rule(**params, Actions=[redirect(Query="a=b")])
    created = elb.create_rule(**params, Actions=[redirect(Path="/new")])["Rules"][0]["RuleArn"]
    with raises("InvalidLoadBalancerAction", "it creates a loop"):
        elb.modify_rule(RuleArn=created, Actions=[redirect(Host="#{host}")])
    elb.delete_rule(RuleArn=created)
    assert len(elb.describe_rules(ListenerArn=listener)["Rules"]) == 1


def test_invalid_targets_are_rejected(balancer):
    """Instances that do not exist, do not run or are in another VPC."""
    ec2, elb = balancer.network.ec2, balancer.elb
    foreign = ec2.run_instances(ImageId=balancer.network.image(), InstanceType="t4g.micro", MinCount=1, MaxCount=1)[
        "Instances"
    ][0]["InstanceId"]
    stopped = balancer.network.instance()["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    invalid = [
        ("ip-10-0-0-7", "ValidationError", "Instance ID 'ip-10-0-0-7' is not valid"),
        (f"i-{UNKNOWN}", "InvalidTarget", f"do not exist: 'i-{UNKNOWN}'"),
        (foreign, "InvalidTarget", "are not in the target group VPC"),
        (stopped, "InvalidTarget", "not in a running state"),
    ]
    for target, code, message in invalid:
        with raises(code, message):
            elb.register_targets(TargetGroupArn=balancer.target_group, Targets=[{"Id": target}])
    assert elb.describe_target_health(TargetGroupArn=balancer.target_group)["TargetHealthDescriptions"] == []


def test_a_target_group_has_one_load_balancer(balancer):
    """Until no listener of it uses the group."""
    first = balancer.create_listener(Protocol="HTTP", Port=80)["ListenerArn"]
    other = {"LoadBalancerArn": balancer.create(Name="other"), "Protocol": "HTTP", "Port": 80}
    with raises("TargetGroupAssociationLimit", "cannot be associated with more than one load balancer"):
        balancer.create_listener(**other)
    balancer.elb.delete_listener(ListenerArn=first)
    balancer.create_listener(**other)


def test_invalid_target_groups_are_rejected(balancer):
    """Invalid names, VPCs and health checks."""
    invalid = [
        ({"Name": "w" * 33}, "cannot be longer than '32' characters"),
        ({"VpcId": f"vpc-{UNKNOWN}"}, f"vpc-{UNKNOWN}"),
        ({"HealthCheckPath": "health"}, "must begin with a '/' character"),
        ({"Matcher": {"HttpCode": "200-600"}}, "HTTP code '600' must be within '200-499' inclusive"),
        ({"HealthCheckIntervalSeconds": 301}, "less than or equal to 300"),
        ({"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 20}, "timeout"),
    ]
    params = {"Name": "new", "Protocol": "HTTP", "Port": 80, "VpcId": balancer.network.vpc}
    with unchanged(balancer.elb.describe_target_groups):
        for changed, message in invalid:
            with raises("ValidationError", message):
                balancer.elb.create_target_group(**(params | changed))


def test_invalid_changes_of_health_checks_are_rejected(balancer):
    """Parameters that are not sent keep their values."""
    invalid = [
        ({"HealthCheckPath": "health"}, "must begin with a '/' character"),
        ({"Matcher": {"HttpCode": "999"}}, "must be within '200-499' inclusive"),
        ({"HealthCheckTimeoutSeconds": 31}, "must be smaller than or equal to the interval '30'"),
    ]
    with unchanged(balancer.elb.describe_target_groups):
        for changed, message in invalid:
            with raises("ValidationError", message):
                balancer.elb.modify_target_group(TargetGroupArn=balancer.target_group, **changed)
