"""What somebody can do to an environment by hand, with stock boto3: each breaks it, waits, and mends it again.

Each has the checks that have to see it, by their number or their first word, and no other may.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

BREAKAGES = {}
ANYONE = [{"CidrIp": "0.0.0.0/0"}]
OPEN = "No"
HEALTH = "Each"


def breaks(*checks):
    def note(function):
        BREAKAGES[function.__name__] = (function, set(checks))
        return function

    return note


class Site:
    """The environment as a stock client sees it."""

    def __init__(self, aws):
        self.aws = aws
        self.ec2, self.elb, self.rds = aws.client("ec2"), aws.client("elbv2"), aws.client("rds")
        self.scaling, self.codedeploy = aws.client("autoscaling"), aws.client("codedeploy")
        self.s3, self.iam, self.acm = aws.client("s3"), aws.client("iam"), aws.client("acm")

    def keyed(self, operation, result):
        found = getattr(self.ec2, operation)(Filters=[{"Name": "tag:runbook:env", "Values": ["local"]}])[result]
        tags = ({t["Key"]: t["Value"] for t in each["Tags"]} | {"each": each} for each in found)
        return {each["runbook:key"].partition(".")[2]: each["each"] for each in tags}

    @cached_property
    def vpc(self):
        return self.keyed("describe_vpcs", "Vpcs")["main"]["VpcId"]

    @cached_property
    def subnets(self):
        return {name: each["SubnetId"] for name, each in self.keyed("describe_subnets", "Subnets").items()}

    @cached_property
    def tables(self):
        return {name: each["RouteTableId"] for name, each in self.keyed("describe_route_tables", "RouteTables").items()}

    @cached_property
    def groups(self):
        found = self.keyed("describe_security_groups", "SecurityGroups")
        return {name: each["GroupId"] for name, each in found.items()}

    @cached_property
    def acl(self):
        return self.acls()["NetworkAclId"]

    def acls(self):
        (acl,) = self.ec2.describe_network_acls(
            Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "default", "Values": ["true"]}]
        )["NetworkAcls"]
        return acl

    @cached_property
    def igw(self):
        attached = [{"Name": "attachment.vpc-id", "Values": [self.vpc]}]
        return self.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"][0]["InternetGatewayId"]

    @cached_property
    def nat(self):
        return self.ec2.describe_nat_gateways(
            Filter=[{"Name": "vpc-id", "Values": [self.vpc]}])["NatGateways"][0]["NatGatewayId"]  # fmt: skip

    @cached_property
    def balancer(self):
        return self.elb.describe_load_balancers(Names=["local-web"])["LoadBalancers"][0]["LoadBalancerArn"]

    def listener(self, port):
        found = self.elb.describe_listeners(LoadBalancerArn=self.balancer)["Listeners"]
        return next(each for each in found if each["Port"] == port)

    @cached_property
    def targets(self):
        return self.elb.describe_target_groups(Names=["local-web"])["TargetGroups"][0]["TargetGroupArn"]

    def server(self, zone="us-west-2b"):
        (group,) = self.scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        return next(i["InstanceId"] for i in group["Instances"] if i["AvailabilityZone"] == zone)

    def opened(self, group, low, high=None, *, protocol="tcp", **peer):
        """A rule added by hand; removed afterwards."""
        rule = {"IpProtocol": protocol, "FromPort": low, "ToPort": high or low, **peer}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        yield
        self.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])

    def closed(self, group, port):
        """A rule of ours removed by hand; added again with its tags."""
        filters = [{"Name": "group-id", "Values": [group]}]
        rules = self.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        (rule,) = [each for each in rules if not each["IsEgress"] and each["FromPort"] == port]
        self.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
        yield
        peer = {"IpRanges": [{"CidrIp": rule["CidrIpv4"]}]} if rule.get("CidrIpv4") else {
            "UserIdGroupPairs": [{"GroupId": rule["ReferencedGroupInfo"]["GroupId"]}]}  # fmt: skip
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peer}
        tags = [{"ResourceType": "security-group-rule", "Tags": rule["Tags"]}]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission], TagSpecifications=tags)

    def mute(self, group):
        """A group without egress."""
        rule = [{"IpProtocol": "-1", "IpRanges": ANYONE}]
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rule)
        yield
        self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rule)

    def denied(self, low, high, *, egress=False, block="0.0.0.0/0", protocol="6"):
        """An entry of the network ACL of all subnets."""
        self.ec2.create_network_acl_entry(
            NetworkAclId=self.acl, RuleNumber=50, Egress=egress, Protocol=protocol, RuleAction="deny", CidrBlock=block,
            PortRange={"From": low, "To": high},
        )  # fmt: skip
        yield
        self.ec2.delete_network_acl_entry(NetworkAclId=self.acl, RuleNumber=50, Egress=egress)

    def stranger(self, name="by-hand"):
        return self.ec2.create_security_group(GroupName=name, Description="-", VpcId=self.vpc)["GroupId"]

    def imported(self, domain, days=90):
        """A self-signed certificate in ACM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)]), datetime.now(UTC)
        built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=days))
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        pem = built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self.acm.import_certificate(Certificate=pem, PrivateKey=private)["CertificateArn"]

    def policy(self, statements):
        """Another trust policy of the role for GitHub; the right one afterwards."""
        role = self.iam.get_role(RoleName="local-github-deploy")["Role"]
        right = role["AssumeRolePolicyDocument"]
        document = {"Version": "2012-10-17", "Statement": statements(json.loads(json.dumps(right["Statement"][0])))}
        self.iam.update_assume_role_policy(RoleName="local-github-deploy", PolicyDocument=json.dumps(document))
        yield
        self.iam.update_assume_role_policy(RoleName="local-github-deploy", PolicyDocument=json.dumps(right))


def peer(group):
    return {"UserIdGroupPairs": [{"GroupId": group}]}


# Subnets, routes and gateways


@breaks("1.")
def a_second_vpc_of_the_environment(site):
    tags = [{"Key": "runbook:env", "Value": "local"}, {"Key": "runbook:owner", "Value": "runbook"}]
    specification = [{"ResourceType": "vpc", "Tags": tags}]
    vpc = site.ec2.create_vpc(CidrBlock="10.77.0.0/16", TagSpecifications=specification)["Vpc"]["VpcId"]
    yield
    site.ec2.delete_vpc(VpcId=vpc)


@breaks("1.", "2.", "3.", "5.", "RDS.46")
def private_subnets_routed_to_the_internet_gateway(site):
    table = site.tables["private-us-west-2a"]
    site.ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=site.igw)
    yield
    site.ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=site.nat)


@breaks("1.", "2.", "3.", "5.", "RDS.46")
def one_private_subnet_in_the_public_table(site):
    subnet = site.subnets["private-us-west-2b"]
    tables = site.ec2.describe_route_tables()["RouteTables"]
    own = next(a for t in tables for a in t["Associations"] if a.get("SubnetId") == subnet)
    changed = site.ec2.replace_route_table_association(
        AssociationId=own["RouteTableAssociationId"], RouteTableId=site.tables["public"]
    )["NewAssociationId"]
    yield
    site.ec2.replace_route_table_association(AssociationId=changed, RouteTableId=own["RouteTableId"])


@breaks("1.", "2.", "3.", "5.", "RDS.46")
def half_of_the_internet_directly(site):
    table = site.tables["private-us-west-2a"]
    site.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/1", GatewayId=site.igw)
    yield
    site.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/1")


@breaks("5.")
def no_way_out(site):
    table = site.tables["private-us-west-2a"]
    site.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    yield
    site.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=site.nat)


@breaks("1.", "5.", "6.", "11.")
def public_subnets_without_the_internet_gateway(site):
    table = site.tables["public"]
    site.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    yield
    site.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=site.igw)


# Network ACLs


@breaks("5.")
def an_acl_lets_no_https_out(site):
    yield from site.denied(443, 443, egress=True)


@breaks("4.", "5.", "11.")
def an_acl_lets_no_replies_in(site):
    yield from site.denied(1024, 65535)


@breaks("4.", "5.", "11.")
def an_acl_lets_some_replies_not_in(site):
    yield from site.denied(40000, 41000)


@breaks("4.")
def an_acl_closes_the_database(site):
    yield from site.denied(3306, 3306)


@breaks("11.")
def an_acl_closes_ssh(site):
    yield from site.denied(22, 22)


@breaks("11.")
def an_acl_closes_ssh_to_administrators(site):
    yield from site.denied(22, 22, block="203.0.113.0/24")


@breaks("5.", "6.")
def an_acl_closes_the_public_subnets_ports(site):
    """Also to what the private subnets send to the NAT gateway there."""
    yield from site.denied(80, 443)


@breaks("11.")
def an_acl_answers_no_administrator(site):
    yield from site.denied(1024, 65535, egress=True, block="200.0.0.0/6")


@breaks("4.", "5.", "11.")
def an_empty_acl_for_a_private_subnet(site):
    acl = site.ec2.create_network_acl(VpcId=site.vpc)["NetworkAcl"]["NetworkAclId"]
    subnet = site.subnets["private-us-west-2b"]
    own = next(a for a in site.acls()["Associations"] if a["SubnetId"] == subnet)["NetworkAclAssociationId"]
    changed = site.ec2.replace_network_acl_association(AssociationId=own, NetworkAclId=acl)["NewAssociationId"]
    yield
    site.ec2.replace_network_acl_association(AssociationId=changed, NetworkAclId=site.acl)
    site.ec2.delete_network_acl(NetworkAclId=acl)


# Security groups


@breaks("4.", "11.")
def the_database_opened_to_the_bastion(site):
    yield from site.opened(site.groups["db"], 3306, **peer(site.groups["bastion"]))


@breaks("4.", "11.")
def the_database_opened_to_the_vpc(site):
    yield from site.opened(site.groups["db"], 3306, IpRanges=[{"CidrIp": "10.20.0.0/16"}])


@breaks("4.", "11.", OPEN, "EC2.18", "EC2.19")
def the_database_opened_to_the_world(site):
    yield from site.opened(site.groups["db"], 3306, IpRanges=ANYONE)


@breaks(OPEN, "EC2.18", "EC2.19")
def the_database_opened_to_the_world_by_ipv6(site):
    """Nobody gets there: the VPC has no IPv6."""
    yield from site.opened(site.groups["db"], 3306, Ipv6Ranges=[{"CidrIpv6": "::/0"}])


@breaks("4.")
def the_database_opened_to_one_address(site):
    """Nothing has it today."""
    yield from site.opened(site.groups["db"], 3306, IpRanges=[{"CidrIp": "10.20.144.200/32"}])


@breaks("4.")
def the_database_opened_to_the_load_balancer(site):
    yield from site.opened(site.groups["db"], 3300, 3310, **peer(site.groups["alb"]))


@breaks("11.")
def another_port_of_the_database_opened_to_the_bastion(site):
    yield from site.opened(site.groups["db"], 22, **peer(site.groups["bastion"]))


@breaks("4.")
def the_database_opened_to_a_stranger(site):
    group = site.stranger()
    yield from site.opened(site.groups["db"], 3306, **peer(group))
    site.ec2.delete_security_group(GroupId=group)


@breaks("4.", "11.")
def the_database_opened_to_a_prefix_list(site):
    entries = [{"Cidr": "10.20.0.0/17", "Description": "public"}]
    made = site.ec2.create_managed_prefix_list(
        PrefixListName="by-hand", MaxEntries=2, AddressFamily="IPv4", Entries=entries
    )["PrefixList"]["PrefixListId"]
    yield from site.opened(site.groups["db"], 3306, PrefixListIds=[{"PrefixListId": made}])
    site.ec2.delete_managed_prefix_list(PrefixListId=made)


@breaks("4.", "11.")
def a_strangers_group_on_the_database(site):
    group = site.stranger()
    rule = [{"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    site.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    change = {"DBInstanceIdentifier": "local-database", "ApplyImmediately": True}
    site.rds.modify_db_instance(VpcSecurityGroupIds=[site.groups["db"], group], **change)
    yield
    site.rds.modify_db_instance(VpcSecurityGroupIds=[site.groups["db"]], **change)
    site.rds.describe_db_instances()
    site.ec2.describe_network_interfaces()
    site.ec2.delete_security_group(GroupId=group)


@breaks("4.")
def a_peering_connection_to_the_database(site):
    other = site.ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    made = site.ec2.create_vpc_peering_connection(VpcId=site.vpc, PeerVpcId=other)["VpcPeeringConnection"]
    name, table = made["VpcPeeringConnectionId"], site.tables["private-us-west-2a"]
    site.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    route = {"RouteTableId": table, "DestinationCidrBlock": "10.99.0.0/16"}
    site.ec2.create_route(VpcPeeringConnectionId=name, **route)
    yield from site.opened(site.groups["db"], 3306, IpRanges=[{"CidrIp": "10.99.0.0/24"}])
    site.ec2.delete_route(**route)
    site.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=name)
    site.ec2.delete_vpc(VpcId=other)


@breaks("4.")
def the_database_closed_to_the_web_servers(site):
    yield from site.closed(site.groups["db"], 3306)


@breaks("4.")
def web_servers_that_may_send_nothing(site):
    yield from site.mute(site.groups["web"])


@breaks("11.")
def a_bastion_that_may_send_nothing(site):
    yield from site.mute(site.groups["bastion"])


@breaks("11.")
def web_servers_closed_to_the_bastion(site):
    yield from site.closed(site.groups["web"], 22)


@breaks("11.")
def the_bastion_closed_to_administrators(site):
    yield from site.closed(site.groups["bastion"], 22)


@breaks("6.", "11.", OPEN, "EC2.13", "EC2.18", "EC2.19", "EC2.53")
def the_bastion_opened_to_the_world(site):
    yield from site.opened(site.groups["bastion"], 22, IpRanges=ANYONE)


@breaks("6.", "11.", OPEN, "EC2.18")
def another_port_of_the_bastion_opened(site):
    yield from site.opened(site.groups["bastion"], 8000, 8010, IpRanges=ANYONE)


@breaks("6.", "11.")
def the_bastion_opened_to_other_administrators(site):
    yield from site.opened(site.groups["bastion"], 22, IpRanges=[{"CidrIp": "198.51.100.0/24"}])


@breaks("6.")
def the_bastion_opened_for_udp(site):
    yield from site.opened(site.groups["bastion"], 53, protocol="udp", IpRanges=[{"CidrIp": "203.0.113.0/24"}])


@breaks("11.")
def the_bastion_opened_to_web_servers(site):
    yield from site.opened(site.groups["bastion"], 22, **peer(site.groups["web"]))


@breaks(OPEN, "EC2.18", "EC2.19")
def web_servers_opened_to_the_world(site):
    """No route leads there from the internet."""
    yield from site.opened(site.groups["web"], 8080, IpRanges=ANYONE)


@breaks("6.", OPEN, "EC2.3", "EC2.8", "EC2.9", "EC2.13", "EC2.18", "EC2.19", "EC2.53", "SSM.1")
def a_strangers_instance_on_the_internet(site):
    group = site.stranger()
    rule = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": ANYONE}]
    site.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    image = site.ec2.describe_instances()["Reservations"][0]["Instances"][0]["ImageId"]
    place = {"DeviceIndex": 0, "SubnetId": site.subnets["public-us-west-2a"], "Groups": [group]}
    (instance,) = site.ec2.run_instances(
        ImageId=image, InstanceType="t4g.nano", MinCount=1, MaxCount=1,
        NetworkInterfaces=[place | {"AssociatePublicIpAddress": True}],
    )["Instances"]  # fmt: skip
    yield
    site.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    site.ec2.get_waiter("instance_terminated").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    site.ec2.delete_security_group(GroupId=group)


# Database, servers and load balancer


@breaks("2.", "RDS.46")
def public_subnets_in_the_databases_group(site):
    group = {"DBSubnetGroupName": "local-private"}
    private = [own for name, own in site.subnets.items() if name.startswith("private-")]
    site.rds.modify_db_subnet_group(SubnetIds=list(site.subnets.values()), **group)
    yield
    site.rds.modify_db_subnet_group(SubnetIds=private, **group)


@breaks("2.", "RDS.2")
def a_public_database(site):
    change = {"DBInstanceIdentifier": "local-database", "ApplyImmediately": True}
    site.rds.modify_db_instance(PubliclyAccessible=True, **change)
    yield
    site.rds.modify_db_instance(PubliclyAccessible=False, **change)


@breaks("3.", "EC2.9")
def a_public_address_for_a_web_server(site):
    address = site.ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = site.ec2.associate_address(AllocationId=address, InstanceId=site.server())["AssociationId"]
    yield
    site.ec2.disassociate_address(AssociationId=made)
    site.ec2.release_address(AllocationId=address)


@breaks("8.", HEALTH)
def a_zone_without_a_server_behind_the_load_balancer(site):
    target = {"TargetGroupArn": site.targets, "Targets": [{"Id": site.server()}]}
    site.elb.deregister_targets(**target)
    yield
    site.elb.register_targets(**target)


def changed_listener(site, port, **settings):
    own = site.listener(port)
    site.elb.modify_listener(ListenerArn=own["ListenerArn"], **settings)
    yield
    before = {name: own[name] for name in settings if name != "Certificates"}
    if "Certificates" in settings:
        before["Certificates"] = [{"CertificateArn": each["CertificateArn"]} for each in own["Certificates"]]
    site.elb.modify_listener(ListenerArn=own["ListenerArn"], **before)


@breaks("7.", "ELB.1")
def http_that_answers(site):
    forward = [{"Type": "forward", "TargetGroupArn": site.targets}]
    yield from changed_listener(site, 80, DefaultActions=forward)


@breaks("7.", "ELB.1")
def http_that_redirects_to_http(site):
    redirect = {"Protocol": "HTTP", "Port": "8080", "StatusCode": "HTTP_301"}
    yield from changed_listener(site, 80, DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}])


@breaks("7.", "ELB.1")
def http_with_one_path_that_answers(site):
    rule = site.elb.create_rule(
        ListenerArn=site.listener(80)["ListenerArn"], Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/plain/*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": site.targets}],
    )["Rules"][0]["RuleArn"]  # fmt: skip
    yield
    site.elb.delete_rule(RuleArn=rule)


@breaks("7.", "ELB.17")
def an_old_tls_policy(site):
    yield from changed_listener(site, 443, SslPolicy="ELBSecurityPolicy-2016-08")


@breaks("7.")
def a_certificate_for_another_site(site):
    certificates = [{"CertificateArn": site.imported("www.example.org")}]
    yield from changed_listener(site, 443, Certificates=certificates)
    site.acm.delete_certificate(CertificateArn=certificates[0]["CertificateArn"])


@breaks("7.", "ACM.1")
def a_certificate_that_expires_soon(site):
    certificates = [{"CertificateArn": site.imported("web.local.test", days=7)}]
    yield from changed_listener(site, 443, Certificates=certificates)
    site.acm.delete_certificate(CertificateArn=certificates[0]["CertificateArn"])


# Deployments


@breaks("9.")
def no_launch_hook(site):
    (hook,) = site.scaling.describe_lifecycle_hooks(AutoScalingGroupName="local-web")["LifecycleHooks"]
    site.scaling.delete_lifecycle_hook(AutoScalingGroupName="local-web", LifecycleHookName=hook["LifecycleHookName"])
    yield
    kept = ("LifecycleHookName", "AutoScalingGroupName", "LifecycleTransition", "NotificationMetadata",
            "HeartbeatTimeout", "DefaultResult")  # fmt: skip
    site.scaling.put_lifecycle_hook(**{name: hook[name] for name in kept if name in hook})


@breaks("9.")
def a_deployment_group_without_servers(site):
    group = {"applicationName": "local-web", "currentDeploymentGroupName": "local-web"}
    site.codedeploy.update_deployment_group(autoScalingGroups=[], **group)
    yield
    site.codedeploy.update_deployment_group(autoScalingGroups=["local-web"], **group)


@breaks("9.")
def a_revision_that_is_no_longer_stored(site):
    info = site.codedeploy.get_deployment_group(applicationName="local-web", deploymentGroupName="local-web")
    stored = info["deploymentGroupInfo"]["targetRevision"]["s3Location"]
    place = {"Bucket": stored["bucket"], "Key": stored["key"]}
    version = site.s3.delete_object(**place)["VersionId"]
    yield
    site.s3.delete_object(VersionId=version, **place)


def subject(value, operator="StringEquals"):
    def change(statement):
        name = "token.actions.githubusercontent.com:sub"
        statement["Condition"]["StringEquals"].pop(name)
        statement["Condition"].setdefault(operator, {})[name] = value
        return [statement]

    return change


@breaks("10.")
def any_branch_may_deploy(site):
    yield from site.policy(subject("repo:owner/name:*", "StringLike"))


@breaks("10.")
def another_repository_may_deploy(site):
    right = "repo:owner/name:environment:local-deploy"
    yield from site.policy(subject([right, "repo:other/name:environment:local-deploy"]))


@breaks("10.")
def another_account_may_deploy(site):
    stranger = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}
    yield from site.policy(lambda statement: [statement, stranger])


@breaks("10.")
def the_named_environment_may_not_deploy(site):
    yield from site.policy(subject("repo:owner/name:environment:another"))


# What breaks no promise


@breaks()
def a_group_that_opens_nothing(site):
    group = site.stranger()
    yield
    site.ec2.delete_security_group(GroupId=group)


@breaks()
def another_subnet(site):
    subnet = site.ec2.create_subnet(
        VpcId=site.vpc, CidrBlock="10.20.240.0/24", AvailabilityZone="us-west-2c")["Subnet"]["SubnetId"]  # fmt: skip
    yield
    site.ec2.delete_subnet(SubnetId=subnet)


@breaks("EC2.16")
def an_acl_that_nobody_uses(site):
    acl = site.ec2.create_network_acl(VpcId=site.vpc)["NetworkAcl"]["NetworkAclId"]
    yield
    site.ec2.delete_network_acl(NetworkAclId=acl)
