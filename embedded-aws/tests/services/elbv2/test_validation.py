"""Load balancers, listeners and target groups that are not made, and changes that are not."""

import pytest

from services.errors import refused, untouched
from services.tls import self_signed

NOBODY = "00000000000000000"
NO_SERVER = "arn:aws:iam::123456789012:server-certificate/nobody"
ELSEWHERE = "InvalidConfigurationRequest"


@pytest.fixture
def elsewhere(network):
    """A subnet, a security group and a target group of another VPC."""
    ec2 = network.ec2
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24", AvailabilityZone="us-west-2b")
    group = ec2.create_security_group(GroupName="else", Description="else", VpcId=vpc)["GroupId"]
    elb = network.aws.client("elbv2")
    target = elb.create_target_group(Name="else", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    return made["Subnet"]["SubnetId"], group, target["TargetGroupArn"]


@pytest.fixture
def certificate(network):
    """One that may be used at once."""
    return network.aws.client("acm").import_certificate(**self_signed("app.local"))["CertificateArn"]


def test_names_that_a_load_balancer_does_not_get(balancer):
    wrong = [
        ("internal-web", "cannot begin with 'internal-'"),
        ("-web", "cannot begin or end with a hyphen"),
        ("web_app", "can only contain characters that are alphanumeric characters and hyphens(-)"),
        ("w" * 33, "cannot be longer than '32' characters"),
    ]
    with untouched(balancer.elb.describe_load_balancers):
        for name, words in wrong:
            with refused("ValidationError", words):
                balancer.create(Name=name)


def test_a_load_balancer_stands_in_one_vpc(balancer, elsewhere):
    """At its creation, and when its subnets and groups are changed."""
    elb, (first, second) = balancer.elb, balancer.network.subnets
    subnet, group, _ = elsewhere
    wrong = [
        ({"Subnets": [first, f"subnet-{NOBODY}"]}, "SubnetNotFound", f"subnet-{NOBODY}"),
        ({"Subnets": [first, subnet]}, ELSEWHERE, "All subnets must belong to the same VPC"),
        ({"SecurityGroups": [f"sg-{NOBODY}"]}, "InvalidSecurityGroup", f"sg-{NOBODY}"),
        ({"SecurityGroups": [group]}, ELSEWHERE, "One or more security groups are invalid"),
        ({"Scheme": "bogus"}, "ValidationError", "enum value set: [internet-facing, internal]"),
    ]
    with untouched(elb.describe_load_balancers):
        for changed, code, words in wrong:
            with refused(code, words):
                balancer.create(**({"Name": "new"} | changed))
        with refused("ValidationError", "two different Availability Zones"):
            elb.set_subnets(LoadBalancerArn=balancer.arn, Subnets=[first])
        with refused(ELSEWHERE, "same VPC"):
            elb.set_subnets(LoadBalancerArn=balancer.arn, Subnets=[first, subnet])
        with refused(ELSEWHERE, "One or more security groups are invalid"):
            elb.set_security_groups(LoadBalancerArn=balancer.arn, SecurityGroups=[group])
    elb.set_subnets(LoadBalancerArn=balancer.arn, Subnets=[first, second])


def test_attributes_that_a_load_balancer_does_not_take(balancer):
    """Logs go to a bucket that exists."""
    before = balancer.attributes()
    wrong = [
        ({"bogus": "1"}, "ValidationError", "'bogus' is not recognized"),
        ({"idle_timeout.timeout_seconds": "4001"}, "ValidationError", "must be between '1-4000' inclusive"),
        ({"deletion_protection.enabled": "yes"}, "ValidationError", "must be 'true' or 'false'"),
        ({"access_logs.s3.enabled": "true"}, ELSEWHERE, "bucket must be specified"),
        ({"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "none"}, ELSEWHERE, "none does not exist"),
    ]
    for attributes, code, words in wrong:
        with refused(code, words):
            balancer.set({"routing.http2.enabled": "false"} | attributes)
    assert balancer.attributes() == before


def test_listeners_that_are_not_made(balancer, certificate, elsewhere):
    """What is secure has an issued certificate and a policy that there is, what is not has neither."""
    acm = balancer.network.aws.client("acm")
    pending = acm.request_certificate(DomainName="app.example.com", ValidationMethod="DNS")["CertificateArn"]
    certificates, missing = [{"CertificateArn": certificate}], f"{certificate[:-4]}0000"
    secure = {"Protocol": "HTTPS", "Port": 443}
    nobody = {"Type": "forward", "TargetGroupArn": f"{balancer.target_group[:-4]}0000"}
    theirs = {"Type": "forward", "TargetGroupArn": elsewhere[2]}
    wrong = [
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
        (secure | {"Certificates": [{"CertificateArn": NO_SERVER}]}, "CertificateNotFound", NO_SERVER),
        ({"DefaultActions": []}, "ValidationError", "A default action must be specified"),
        ({"DefaultActions": [{"Type": "redirect"}]}, "InvalidLoadBalancerAction", "'RedirectConfig'"),
        ({"DefaultActions": [redirect(Protocol="HTTP")]}, "InvalidLoadBalancerAction", "it creates a loop"),
        ({"DefaultActions": [redirect(Port="80", Query="a=b")]}, "InvalidLoadBalancerAction", "it creates a loop"),
        ({"DefaultActions": [nobody]}, "TargetGroupNotFound", ""),
        ({"DefaultActions": [theirs]}, ELSEWHERE, "is in a different VPC than load balancer"),
        ({"LoadBalancerArn": f"{balancer.arn[:-4]}0000"}, "LoadBalancerNotFound", ""),
    ]
    for asked, code, words in wrong:
        with refused(code, words):
            balancer.listener(**({"Protocol": "HTTP", "Port": 80} | asked))
    assert balancer.elb.describe_listeners(LoadBalancerArn=balancer.arn)["Listeners"] == []


def redirect(**changed):
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"} | changed}


def test_changes_that_a_listener_does_not_take(balancer, certificate):
    """A port that is taken, a policy or a certificate that there is not or not yet, a redirect onto itself."""
    acm = balancer.network.aws.client("acm")
    pending = acm.request_certificate(DomainName="app.example.com", ValidationMethod="DNS")["CertificateArn"]
    secure = balancer.listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": certificate}])
    balancer.listener(Protocol="HTTP", Port=80)

    def listeners():
        return balancer.elb.describe_listeners(LoadBalancerArn=balancer.arn)

    with untouched(listeners):
        with refused("DuplicateListener", "A listener already exists on this port for this load balancer"):
            balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], Port=80)
        with refused("SSLPolicyNotFound"):
            balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], SslPolicy="ELBSecurityPolicy-2099-01")
        with refused("InvalidLoadBalancerAction", "it creates a loop"):
            balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], DefaultActions=[redirect(Port="443")])
        for arn, code in ((pending, "UnsupportedCertificate"), (NO_SERVER, "CertificateNotFound")):
            for change in (balancer.elb.modify_listener, balancer.elb.add_listener_certificates):
                with refused(code):
                    change(ListenerArn=secure["ListenerArn"], Certificates=[{"CertificateArn": arn}])
    balancer.elb.modify_listener(ListenerArn=secure["ListenerArn"], Port=443)


def test_every_policy_that_there_is_may_be_chosen(balancer, certificate):
    """At the creation and later; all of them are described."""
    asked = {"Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": certificate}]}
    listener = balancer.listener(**asked, SslPolicy="ELBSecurityPolicy-FS-2018-06")["ListenerArn"]
    for policy in ("ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-FS-1-2-Res-2019-08"):
        balancer.elb.modify_listener(ListenerArn=listener, SslPolicy=policy)
        (found,) = balancer.elb.describe_listeners(ListenerArns=[listener])["Listeners"]
        assert found["SslPolicy"] == policy
    (described,) = balancer.elb.describe_ssl_policies(Names=[policy])["SslPolicies"]
    assert (described["SslProtocols"], len(described["Ciphers"])) == (["TLSv1.2"], 8)


def test_a_server_certificate_of_iam_will_do(balancer):
    """And a second one for the same listener is there once, however often it is added."""
    iam, made = balancer.network.aws.client("iam"), self_signed("app.local")
    files = {"CertificateBody": made["Certificate"].decode(), "PrivateKey": made["PrivateKey"].decode()}
    first, second = (
        iam.upload_server_certificate(ServerCertificateName=name, **files)["ServerCertificateMetadata"]["Arn"]
        for name in ("first", "second")
    )
    listener = balancer.listener(Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": first}])["ListenerArn"]
    for _ in range(2):
        balancer.elb.add_listener_certificates(ListenerArn=listener, Certificates=[{"CertificateArn": second}])
    found = balancer.elb.describe_listener_certificates(ListenerArn=listener)["Certificates"]
    assert [certificate["CertificateArn"] for certificate in found] == [first, second]


def test_rules_that_a_listener_does_not_lose_or_get(balancer):
    """Its default rule stays; no rule redirects onto itself, now or later."""
    listener = balancer.listener(Protocol="HTTP", Port=80)["ListenerArn"]
    elb, where = balancer.elb, [{"Field": "path-pattern", "Values": ["/old"]}]
    (default,) = elb.describe_rules(ListenerArn=listener)["Rules"]
    with refused("OperationNotPermitted", "Default rule"):
        elb.delete_rule(RuleArn=default["RuleArn"])
    asked = {"ListenerArn": listener, "Priority": 1, "Conditions": where}
    with refused("InvalidLoadBalancerAction", "it creates a loop"):
        elb.create_rule(**asked, Actions=[redirect(Query="a=b")])
    made = elb.create_rule(**asked, Actions=[redirect(Path="/new")])["Rules"][0]["RuleArn"]
    with refused("InvalidLoadBalancerAction", "it creates a loop"):
        elb.modify_rule(RuleArn=made, Actions=[redirect(Host="#{host}")])
    elb.delete_rule(RuleArn=made)
    assert len(elb.describe_rules(ListenerArn=listener)["Rules"]) == 1


def test_targets_that_are_not_registered(balancer):
    """Instances that do not exist, do not run or are in another VPC."""
    ec2, elb = balancer.network.ec2, balancer.elb
    elsewhere = ec2.run_instances(ImageId=balancer.network.image(), InstanceType="t4g.micro", MinCount=1, MaxCount=1)[
        "Instances"
    ][0]["InstanceId"]
    stopped = balancer.network.instance()["InstanceId"]
    ec2.stop_instances(InstanceIds=[stopped])
    wrong = [
        ("ip-10-0-0-7", "ValidationError", "Instance ID 'ip-10-0-0-7' is not valid"),
        (f"i-{NOBODY}", "InvalidTarget", f"do not exist: 'i-{NOBODY}'"),
        (elsewhere, "InvalidTarget", "are not in the target group VPC"),
        (stopped, "InvalidTarget", "not in a running state"),
    ]
    for target, code, words in wrong:
        with refused(code, words):
            elb.register_targets(TargetGroupArn=balancer.target_group, Targets=[{"Id": target}])
    assert elb.describe_target_health(TargetGroupArn=balancer.target_group)["TargetHealthDescriptions"] == []


def test_a_target_group_has_one_load_balancer(balancer):
    """Until that lets go of it."""
    first = balancer.listener(Protocol="HTTP", Port=80)["ListenerArn"]
    other = {"LoadBalancerArn": balancer.create(Name="other"), "Protocol": "HTTP", "Port": 80}
    with refused("TargetGroupAssociationLimit", "cannot be associated with more than one load balancer"):
        balancer.listener(**other)
    balancer.elb.delete_listener(ListenerArn=first)
    balancer.listener(**other)


def test_target_groups_that_are_not_made(balancer):
    """Names, VPCs and health checks that cannot be."""
    wrong = [
        ({"Name": "w" * 33}, "cannot be longer than '32' characters"),
        ({"VpcId": f"vpc-{NOBODY}"}, f"vpc-{NOBODY}"),
        ({"HealthCheckPath": "health"}, "must begin with a '/' character"),
        ({"Matcher": {"HttpCode": "200-600"}}, "HTTP code '600' must be within '200-499' inclusive"),
        ({"HealthCheckIntervalSeconds": 301}, "less than or equal to 300"),
        ({"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 20}, "timeout"),
    ]
    asked = {"Name": "new", "Protocol": "HTTP", "Port": 80, "VpcId": balancer.network.vpc}
    with untouched(balancer.elb.describe_target_groups):
        for changed, words in wrong:
            with refused("ValidationError", words):
                balancer.elb.create_target_group(**(asked | changed))


def test_health_checks_that_a_target_group_does_not_get_later(balancer):
    """What is not sent counts as it is."""
    wrong = [
        ({"HealthCheckPath": "health"}, "must begin with a '/' character"),
        ({"Matcher": {"HttpCode": "999"}}, "must be within '200-499' inclusive"),
        ({"HealthCheckTimeoutSeconds": 31}, "must be smaller than or equal to the interval '30'"),
    ]
    with untouched(balancer.elb.describe_target_groups):
        for changed, words in wrong:
            with refused("ValidationError", words):
                balancer.elb.modify_target_group(TargetGroupArn=balancer.target_group, **changed)
