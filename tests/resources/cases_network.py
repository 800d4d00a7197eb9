"""What the contract is tested with, kind by kind: as first wanted, and as wanted later."""

from dataclasses import replace

from runbook_lib.resources.alarm import Alarm
from runbook_lib.resources.bucket import Bucket
from runbook_lib.resources.default_security_group import DefaultSecurityGroup
from runbook_lib.resources.elastic_ip import ElasticIp
from runbook_lib.resources.flow_log import FlowLog
from runbook_lib.resources.instance_connect_endpoint import InstanceConnectEndpoint
from runbook_lib.resources.interface_endpoint import InterfaceEndpoint
from runbook_lib.resources.internet_gateway import InternetGateway
from runbook_lib.resources.key_pair import KeyPair
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.nat_gateway import NatGateway
from runbook_lib.resources.role import Role
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.resources.route import Route
from runbook_lib.resources.route_table import RouteTable
from runbook_lib.resources.route_table_association import RouteTableAssociation
from runbook_lib.resources.security_group import SecurityGroup
from runbook_lib.resources.security_group_rule import SecurityGroupRule
from runbook_lib.resources.ssh_key import SshKey
from runbook_lib.resources.subnet import Subnet
from runbook_lib.resources.topic import Topic
from runbook_lib.resources.vpc import Vpc
from runbook_lib.resources.vpc_endpoint import VpcEndpoint
from runbook_lib.resources.vpc_endpoint_route import VpcEndpointRoute
from tests.support.changeable import SECRET, Changed

A, B = "us-west-2a", "us-west-2b"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9zKqcd0sYyqCYqoxEEFk8yWxS1RcXjTkXJ5xGJxUqm"

vpc = Vpc(name="main", cidr="10.20.0.0/16")
public = {
    zone: Subnet(name=f"public-{zone}", vpc=vpc, cidr=f"10.20.{n}.0/24", zone=zone) for n, zone in enumerate((A, B))
}
private = {
    zone: Subnet(name=f"private-{zone}", vpc=vpc, cidr=f"10.20.{n}.0/24", zone=zone) for n, zone in enumerate((A, B), 8)
}
gateway = InternetGateway(name="main", vpc=vpc)
address = ElasticIp(name="nat-a")
nat = NatGateway(name="a", subnet=public[A], address=address, gateway=gateway)
nat_b = NatGateway(name="b", subnet=public[B], address=ElasticIp(name="nat-b"), gateway=gateway)
web = SecurityGroup(name="web", vpc=vpc, description="Web servers")
alb = SecurityGroup(name="alb", vpc=vpc, description="Load balancer")
db = SecurityGroup(name="db", vpc=vpc, description="Database")
table = RouteTable(name="private-a", vpc=vpc)
table_b = RouteTable(name="private-b", vpc=vpc)
public_table = RouteTable(name="public", vpc=vpc)
endpoint = VpcEndpoint(name="s3", vpc=vpc, service="s3")
logs = LogGroup(name="flow-logs", path="/runbook/test/flow-logs", days=30)
role = Role(name="flow-logs", service="vpc-flow-logs.amazonaws.com", inline_policies=("flow-logs",))
permission = RolePolicy(name="flow-logs", role=role, actions=("logs:PutLogEvents",), on=(("{}:*", logs),))
ssh_key = SshKey(name="bastion-ssh-key")
READ_ONLY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"


def rule(**changed):
    given = {"group": web, "port": 8080, "source": alb, "description": "from the load balancer"}
    return SecurityGroupRule(name="web-app", **given | changed)


TOPIC = "arn:aws:sns:us-west-2:123456789012:alerts"
topic = Topic(name="alarms", known_as=TOPIC)


def interface_endpoint(**changed):
    given = {"vpc": vpc, "service": "ssm", "subnets": (private[A],), "groups": (web,)}
    return InterfaceEndpoint(name="ssm", **given | changed)


def alarm(**changed):
    given = {
        "metric": "AWS/NATGateway ErrorPortAllocation", "dimensions": (("NatGatewayId", "{}", nat),),
        "statistic": "Maximum", "comparison": ">", "threshold": 0, "periods": 15, "topic": topic, "why": "No port.",
    }  # fmt: skip
    return Alarm(name="nat-a-ports", **given | changed)


CASES = {
    "bucket": (Bucket(name="runbook", kept=False), Bucket(name="runbook", kept=False, expire=(("alb", 30),))),
    "bucket that stays": (Bucket(name="runbook", kept=True), Bucket(name="runbook", versioned=False)),
    "bucket with a lock": (Bucket(name="runbook", kept=False, object_lock=True), None),
    "vpc": (vpc, Vpc(name="main", cidr="10.20.0.0/16", dns_hostnames=False)),
    "default security group": (DefaultSecurityGroup(name="main", vpc=vpc), None),
    "subnet": (public[A], Subnet(name=f"public-{A}", vpc=vpc, cidr="10.20.0.0/24", zone=A, public_ips=True)),
    "internet gateway": (gateway, None),
    "elastic ip": (address, None),
    "nat gateway": (nat, None),
    "security group": (web, None),
    "security group rule": (rule(), rule(port=8081, description="another")),
    "security group rule of a network": (rule(source="203.0.113.0/24"), rule(source="198.51.100.0/24")),
    "route table": (table, None),
    "route to the internet": (Route(name="public", table=public_table, via=gateway), None),
    "route to nat": (Route(name="private-a", table=table, via=nat), Route(name="private-a", table=table, via=nat_b)),
    "route table association": (
        RouteTableAssociation(name="private-b", table=table, subnet=private[B]),
        RouteTableAssociation(name="private-b", table=table_b, subnet=private[B]),
    ),
    "log group": (logs, LogGroup(name="flow-logs", path="/runbook/test/flow-logs", days=90)),
    "role": (role, replace(role, service="ec2.amazonaws.com", policies=(READ_ONLY,))),
    "role policy": (
        permission,
        RolePolicy(
            name="flow-logs",
            role=role,
            actions=("logs:PutLogEvents", "logs:CreateLogStream"),
            on=(("{}:*", logs), "arn:aws:logs:us-west-2:123456789012:log-group:other"),
            when=(("StringEquals", "aws:SourceAccount", "123456789012"),),
        ),
    ),
    "flow log": (FlowLog(name="main", vpc=vpc, log_group=logs, permission=permission), None),
    "vpc endpoint": (endpoint, None),
    "vpc endpoint route": (VpcEndpointRoute(name="private-a", endpoint=endpoint, table=table), None),
    "interface endpoint": (
        interface_endpoint(),
        interface_endpoint(subnets=(private[A], private[B]), groups=(db,)),
    ),
    "instance connect endpoint": (InstanceConnectEndpoint(name="bastion", subnet=private[A], groups=(web,)), None),
    "topic": (topic, None),
    "alarm": (alarm(), alarm(statistic="p90", comparison="<", threshold=2.5, periods=3, why="-", missing="breaching")),
    "ssh key": (ssh_key, None),
    "key pair made here": (KeyPair(name="bastion", public=ssh_key), None),
    "key pair brought along": (KeyPair(name="bastion", public=f"{PUBLIC_KEY} someone@example"), None),
}

# What a person can change of each, and what of that is compared: tests/support/changeable.py.
BY_HAND = {
    Alarm: Changed(
        "cloudwatch", "AlarmName",
        {"why": "AlarmDescription", "enabled": "ActionsEnabled", "topic": "OKActions AlarmActions",
         "metric": "MetricName Namespace", "statistic": "Statistic ExtendedStatistic", "dimensions": "Dimensions",
         "period": "Period", "periods": "EvaluationPeriods", "threshold": "Threshold",
         "comparison": "ComparisonOperator", "missing": "TreatMissingData"},
        {"another kind of alarm": "PutCompositeAlarm PutLogAlarm",
         "the alarm's state, not a setting": "SetAlarmState",
         "ours is on one metric, and CloudWatch does not tell these then": "Metrics ThresholdMetricId EvaluationWindow"
         " WarmUpConfiguration EvaluationCriteria EvaluationInterval ActionConfiguration Unit",
         "only makes it more sensitive": "InsufficientDataActions DatapointsToAlarm",
         "what a percentile of few requests counts as": "EvaluateLowSampleCountPercentile"},
    ),
    Bucket: Changed(
        "s3", "Bucket",
        {"versioned": "VersioningConfiguration", "encryption": "ServerSideEncryptionConfiguration",
         "private": "PublicAccessBlockConfiguration", "expire": "LifecycleConfiguration", "policy": "Policy",
         "object_lock": "ObjectLockConfiguration"},
        {"an object, not the bucket": "PutObject PutObjectAcl PutObjectAnnotation PutObjectLegalHold"
         " PutObjectRetention PutObjectTagging UpdateObjectEncryption",
         "no effect while public access is blocked, and verify evaluates it (control S3.12)": "PutBucketAcl"
         " PutBucketOwnershipControls",
         "one call more for each in every plan, and it opens nothing to anybody: the policy does": "PutBucketAbac"
         " PutBucketAccelerateConfiguration PutBucketAnalyticsConfiguration PutBucketCors"
         " PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration PutBucketLogging"
         " PutBucketMetricsConfiguration PutBucketNotification PutBucketNotificationConfiguration"
         " PutBucketReplication PutBucketRequestPayment PutBucketWebsite"
         " UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataInventoryTableConfiguration"
         " UpdateBucketMetadataJournalTableConfiguration TransitionDefaultMinimumObjectSize"},
    ),
    DefaultSecurityGroup: Changed("ec2", "GroupId", {"ingress": "SecurityGroupRules"}),
    ElasticIp: Changed(
        "ec2", "AllocationId", {}, {"the name for reverse look-ups: nothing here depends on it": "DomainName"}
    ),
    FlowLog: Changed("ec2", "FlowLogId"),
    InstanceConnectEndpoint: Changed(
        "ec2", "InstanceConnectEndpointId", {"groups": "SecurityGroupIds"},
        {"a connection works with either value": "IpAddressType PreserveClientIp"},
    ),
    InterfaceEndpoint: Changed(
        "ec2", "VpcEndpointId",
        {"subnets": "AddSubnetIds RemoveSubnetIds", "groups": "AddSecurityGroupIds RemoveSecurityGroupIds",
         "private_dns": "PrivateDnsEnabled", "policy": "PolicyDocument ResetPolicy"},
        {"of gateway endpoints": "AddRouteTableIds RemoveRouteTableIds",
         "who pays in a shared service, which AWS's are not": "ModifyVpcEndpointPayerResponsibility",
         "addresses: the names stay": "IpAddressType DnsOptions SubnetConfigurations"},
    ),
    InternetGateway: Changed("ec2", "InternetGatewayId"),
    KeyPair: Changed("ec2", "KeyPairId KeyName"),
    LogGroup: Changed(
        "logs", "logGroupName logGroupIdentifier", {"days": "retentionInDays"},
        {"lines, not the group": "PutLogEvents",
         "one call more for each group in every plan; what reads along is shown by CloudTrail": "PutSubscriptionFilter"
         " PutMetricFilter PutDataProtectionPolicy PutTransformer PutSyslogConfiguration PutIndexPolicy"
         " PutBearerTokenAuthentication",
         "changes no line that is kept": "PutLogGroupDeletionProtection"},
    ),
    NatGateway: Changed("ec2", "NatGatewayId"),
    Role: Changed(
        "iam", "RoleName", {"trust": "UpdateAssumeRolePolicy", "policies": "PutRolePolicy"},
        {"compared where the parameters have one: taking away somebody's would give the role more":
         "PutRolePermissionsBoundary",
         "says for whom it is, and how long a session may last; it gives nothing": "Description MaxSessionDuration"},
    ),
    RolePolicy: Changed(
        "iam", "PolicyName", {"allows": "PolicyDocument", "role": "RoleName"},
        {"a policy of a user or a group, which this is not": "PutGroupPolicy PutUserPolicy"},
    ),
    Route: Changed(
        "ec2", "RouteTableId",
        {"destination": "DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId",
         "via": "GatewayId NatGatewayId TransitGatewayId VpcPeeringConnectionId NetworkInterfaceId InstanceId"
         " EgressOnlyInternetGatewayId LocalGatewayId CarrierGatewayId CoreNetworkArn VpcEndpointId LocalTarget"
         " OdbNetworkArn"},
        {"an association, not a route": "ReplaceRouteTableAssociation"},
    ),
    RouteTable: Changed(
        "ec2", "RouteTableId", {"other_routes": "ReplaceRoute"},
        {"another resource of ours compares it": "ReplaceRouteTableAssociation"},
    ),
    RouteTableAssociation: Changed(
        "ec2", "AssociationId", {"table": "RouteTableId"},
        {"an association of something else": "ReplaceIamInstanceProfileAssociation ReplaceNetworkAclAssociation"},
    ),
    SecurityGroup: Changed(
        "ec2", "GroupId", {"strangers": "SecurityGroupRules", "egress": "IpPermissions"},
        {"a text": "SecurityGroupRuleDescriptions UpdateSecurityGroupRuleDescriptionsIngress", "its other name":
         "GroupName"}, also="UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress",
    ),
    SecurityGroupRule: Changed("ec2", "GroupId", {"port": "SecurityGroupRules"}),
    SshKey: SECRET,
    Subnet: Changed(
        "ec2", "SubnetId", {"public_ips": "MapPublicIpOnLaunch"},
        {"needs an IPv6 range or an Outpost, which no subnet of ours has": "AssignIpv6AddressOnCreation EnableDns64"
         " MapCustomerOwnedIpOnLaunch CustomerOwnedIpv4Pool EnableLniAtDeviceIndex DisableLniAtDeviceIndex",
         "names of instances, which nothing here uses": "PrivateDnsHostnameTypeOnLaunch"
         " EnableResourceNameDnsARecordOnLaunch EnableResourceNameDnsAAAARecordOnLaunch"},
    ),
    Vpc: Changed(
        "ec2", "VpcId", {"dns_support": "EnableDnsSupport", "dns_hostnames": "EnableDnsHostnames"},
        {"metrics only, and a call more": "EnableNetworkAddressUsageMetrics",
         "only towards the default, which it has": "ModifyVpcTenancy"},
    ),
    VpcEndpoint: Changed(
        "ec2", "VpcEndpointId", {"policy": "PolicyDocument ResetPolicy"},
        {"another resource of ours compares it": "AddRouteTableIds RemoveRouteTableIds",
         "of interface endpoints": "AddSubnetIds RemoveSubnetIds AddSecurityGroupIds RemoveSecurityGroupIds"
         " IpAddressType DnsOptions PrivateDnsEnabled SubnetConfigurations",
         "who pays in a shared service, which AWS's are not": "ModifyVpcEndpointPayerResponsibility"},
    ),
    VpcEndpointRoute: Changed(
        "ec2", "VpcEndpointId", {"table": "AddRouteTableIds RemoveRouteTableIds"},
        {"the endpoint's own; another resource of ours compares it": "ResetPolicy PolicyDocument AddSubnetIds"
         " RemoveSubnetIds AddSecurityGroupIds RemoveSecurityGroupIds IpAddressType DnsOptions PrivateDnsEnabled"
         " SubnetConfigurations ModifyVpcEndpointPayerResponsibility"},
    ),
}  # fmt: skip
