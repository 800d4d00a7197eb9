"""What somebody can do by hand that a security control forbids, as in :mod:`.breakages`; and what satisfies one."""

from __future__ import annotations

import json

from tests.stacks.checks.breakages import ANYONE, OPEN, breaks, peer

MENDS = {}
SSH, RDP = 22, 3389


def mends(*controls):
    """What no longer fails where the parameters make no exception."""

    def note(function):
        MENDS[function.__name__] = (function, set(controls))
        return function

    return note


class Bastion:
    def __init__(self, site):
        filters = [{"Name": "tag:runbook:key", "Values": ["instance.bastion"]}]
        (reservation,) = site.ec2.describe_instances(Filters=filters)["Reservations"]
        (self.described,) = reservation["Instances"]
        self.id, self.zone = self.described["InstanceId"], self.described["Placement"]["AvailabilityZone"]
        self.interface = self.described["NetworkInterfaces"][0]["NetworkInterfaceId"]


# Network


@breaks("EC2.2")
def a_rule_in_the_default_group(site):
    filters = [{"Name": "vpc-id", "Values": [site.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    group = site.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    yield from site.opened(group, 443, **peer(group))


@breaks("EC2.6")
def no_flow_logs(site):
    (log,) = site.ec2.describe_flow_logs()["FlowLogs"]
    site.ec2.delete_flow_logs(FlowLogIds=[log["FlowLogId"]])
    yield
    site.ec2.create_flow_logs(
        ResourceIds=[site.vpc], ResourceType="VPC", TrafficType="ALL", LogGroupName=log["LogGroupName"],
        DeliverLogsPermissionArn=log["DeliverLogsPermissionArn"], MaxAggregationInterval=log["MaxAggregationInterval"],
        TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": log["Tags"]}],
    )  # fmt: skip


@breaks(OPEN, "EC2.14", "EC2.18", "EC2.19", "EC2.53")
def rdp_for_the_world(site):
    group = site.stranger()
    yield from site.opened(group, RDP, IpRanges=ANYONE)
    site.ec2.delete_security_group(GroupId=group)


@breaks(OPEN, "EC2.13", "EC2.18", "EC2.19", "EC2.54")
def ssh_for_the_world_by_ipv6(site):
    group = site.stranger()
    yield from site.opened(group, SSH, Ipv6Ranges=[{"CidrIpv6": "::/0"}])
    site.ec2.delete_security_group(GroupId=group)


@breaks(OPEN, "EC2.18")
def udp_for_the_world(site):
    group = site.stranger()
    yield from site.opened(group, 5353, protocol="udp", IpRanges=ANYONE)
    site.ec2.delete_security_group(GroupId=group)


@breaks("EC2.15")
def a_subnet_that_gives_public_addresses(site):
    subnet = site.subnets["public-us-west-2a"]
    site.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    yield
    site.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})


@breaks("EC2.16", "EC2.21")
def an_acl_that_opens_ssh(site):
    acl = site.ec2.create_network_acl(VpcId=site.vpc)["NetworkAcl"]["NetworkAclId"]
    site.ec2.create_network_acl_entry(
        NetworkAclId=acl, RuleNumber=100, Egress=False, Protocol="6", RuleAction="allow", CidrBlock="0.0.0.0/0",
        PortRange={"From": SSH, "To": SSH},
    )  # fmt: skip
    yield
    site.ec2.delete_network_acl(NetworkAclId=acl)


# Instances and their template


@breaks("EC2.3")
def a_volume_that_is_not_encrypted(site):
    own = Bastion(site)
    volume = site.ec2.create_volume(AvailabilityZone=own.zone, Size=1, Encrypted=False)["VolumeId"]
    site.ec2.attach_volume(VolumeId=volume, InstanceId=own.id, Device="/dev/sdf")
    yield
    site.ec2.detach_volume(VolumeId=volume, InstanceId=own.id, Device="/dev/sdf")
    site.ec2.delete_volume(VolumeId=volume)


@breaks("EC2.8")
def imdsv1_on_the_bastion(site):
    own = Bastion(site)
    site.ec2.modify_instance_metadata_options(InstanceId=own.id, HttpTokens="optional")
    yield
    site.ec2.modify_instance_metadata_options(InstanceId=own.id, HttpTokens="required")


@breaks("EC2.180")
def a_bastion_that_forwards(site):
    own = Bastion(site)
    change = {"NetworkInterfaceId": own.interface}
    site.ec2.modify_network_interface_attribute(SourceDestCheck={"Value": False}, **change)
    yield
    site.ec2.modify_network_interface_attribute(SourceDestCheck={"Value": True}, **change)


@breaks("SSM.1")
def a_bastion_without_systems_manager(site):
    name = {"RoleName": "local-bastion", "PolicyName": "local-bastion-session-manager"}
    document = site.iam.get_role_policy(**name)["PolicyDocument"]
    site.iam.delete_role_policy(**name)
    yield
    site.iam.put_role_policy(**name, PolicyDocument=json.dumps(document))


def changed_template(site, **data):
    template = site.keyed("describe_launch_templates", "LaunchTemplates")["web"]
    own = {"LaunchTemplateId": template["LaunchTemplateId"]}
    before = str(template["DefaultVersionNumber"])
    made = site.ec2.create_launch_template_version(SourceVersion=before, LaunchTemplateData=data, **own)
    version = str(made["LaunchTemplateVersion"]["VersionNumber"])
    site.ec2.modify_launch_template(DefaultVersion=version, **own)
    yield
    site.ec2.modify_launch_template(DefaultVersion=before, **own)


@breaks("EC2.25")
def a_template_with_public_addresses(site):
    place = {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [site.groups["web"]]}
    yield from changed_template(site, NetworkInterfaces=[place])


@breaks("EC2.170")
def a_template_with_imdsv1(site):
    yield from changed_template(site, MetadataOptions={"HttpTokens": "optional", "HttpEndpoint": "enabled"})


@breaks("EC2.181")
def a_template_without_encryption(site):
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "Encrypted": False}}
    yield from changed_template(site, BlockDeviceMappings=[disk])


@breaks("AutoScaling.1")
def health_checks_of_ec2(site):
    group = {"AutoScalingGroupName": "local-web"}
    site.scaling.update_auto_scaling_group(HealthCheckType="EC2", **group)
    yield
    site.scaling.update_auto_scaling_group(HealthCheckType="ELB", **group)


# Load balancer


def attributes(site, name, value):
    (before,) = [
        each["Value"]
        for each in site.elb.describe_load_balancer_attributes(LoadBalancerArn=site.balancer)["Attributes"]
        if each["Key"] == name
    ]
    for text in (value, before):
        change = [{"Key": name, "Value": text}]
        site.elb.modify_load_balancer_attributes(LoadBalancerArn=site.balancer, Attributes=change)
        if text == value:
            yield


@breaks("ELB.4")
def headers_that_are_invalid(site):
    yield from attributes(site, "routing.http.drop_invalid_header_fields.enabled", "false")


@breaks("ELB.5")
def no_access_logs(site):
    yield from attributes(site, "access_logs.s3.enabled", "false")


@breaks("ELB.12")
def no_desync_mitigation(site):
    yield from attributes(site, "routing.http.desync_mitigation_mode", "monitor")


@mends("ELB.6")
def a_protected_load_balancer(site):
    yield from attributes(site, "deletion_protection.enabled", "true")


# Database


def changed_database(site, before, **after):
    change = {"DBInstanceIdentifier": "local-database", "ApplyImmediately": True}
    site.rds.modify_db_instance(**after, **change)
    yield
    site.rds.modify_db_instance(**before, **change)


@breaks("RDS.6")
def no_enhanced_monitoring(site):
    (now,) = site.rds.describe_db_instances(DBInstanceIdentifier="local-database")["DBInstances"]
    before = {"MonitoringInterval": 60, "MonitoringRoleArn": now["MonitoringRoleArn"]}
    yield from changed_database(site, before, MonitoringInterval=0)


@breaks("RDS.10")
def no_iam_authentication(site):
    field = "EnableIAMDatabaseAuthentication"
    yield from changed_database(site, {field: True}, **{field: False})


@breaks("RDS.11")
def backups_for_three_days(site):
    yield from changed_database(site, {"BackupRetentionPeriod": 7}, BackupRetentionPeriod=3)


@breaks("RDS.13")
def no_minor_upgrades(site):
    yield from changed_database(site, {"AutoMinorVersionUpgrade": True}, AutoMinorVersionUpgrade=False)


@breaks("RDS.17")
def snapshots_without_tags(site):
    yield from changed_database(site, {"CopyTagsToSnapshot": True}, CopyTagsToSnapshot=False)


@mends("RDS.8")
def a_protected_database(site):
    yield from changed_database(site, {"DeletionProtection": False}, DeletionProtection=True)


@mends("RDS.5")
def a_database_with_a_standby(site):
    yield from changed_database(site, {"MultiAZ": False}, MultiAZ=True)


@breaks("RDS.1")
def a_public_snapshot(site):
    name = {"DBSnapshotIdentifier": "by-hand"}
    site.rds.create_db_snapshot(DBInstanceIdentifier="local-database", **name)
    share = {"AttributeName": "restore", "ValuesToAdd": ["all"]}
    site.rds.modify_db_snapshot_attribute(**name, **share)
    yield
    site.rds.delete_db_snapshot(**name)


@breaks("RDS.20")
def events_that_lack_failures(site):
    topic = site.aws.client("sns").create_topic(Name="by-hand")["TopicArn"]
    site.rds.create_event_subscription(
        SubscriptionName="by-hand", SnsTopicArn=topic, SourceType="db-instance", EventCategories=["maintenance"],
        Enabled=True,
    )  # fmt: skip
    yield
    site.rds.delete_event_subscription(SubscriptionName="by-hand")
    site.aws.client("sns").delete_topic(TopicArn=topic)


# Bucket


BUCKET = {"Bucket": "local-runbook-123456789012-us-west-2"}
NAME = f"arn:aws:s3:::{BUCKET['Bucket']}"


def bucket_policy(site, change):
    before = site.s3.get_bucket_policy(**BUCKET)["Policy"]
    document = json.loads(before)
    document["Statement"] = change(document["Statement"])
    site.s3.put_bucket_policy(Policy=json.dumps(document), **BUCKET)
    yield
    site.s3.put_bucket_policy(Policy=before, **BUCKET)


def unblocked(site, inner=None):
    block = {"PublicAccessBlockConfiguration": dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)}  # fmt: skip
    inner = inner or iter(())
    site.s3.delete_public_access_block(**BUCKET)
    next(inner, None)
    yield
    next(inner, None)
    site.s3.put_public_access_block(**block, **BUCKET)


def allow(action, principal="*"):
    return {"Sid": "ByHand", "Effect": "Allow", "Principal": principal, "Action": action, "Resource": f"{NAME}/*"}


@breaks("S3.5")
def requests_without_tls(site):
    yield from bucket_policy(site, lambda all_: [each for each in all_ if each["Sid"] != "TlsOnly"])


@breaks("S3.6")
def another_account_that_may_write_acls(site):
    stranger = allow("s3:PutObjectAcl", {"AWS": "arn:aws:iam::999999999999:root"})
    yield from bucket_policy(site, lambda all_: [*all_, stranger])


@breaks("S3.8")
def a_bucket_that_blocks_nothing(site):
    yield from unblocked(site)


@breaks("S3.2", "S3.8")
def a_bucket_that_anybody_reads(site):
    yield from unblocked(site, bucket_policy(site, lambda all_: [*all_, allow("s3:GetObject")]))


@breaks("S3.3", "S3.8")
def a_bucket_that_anybody_writes(site):
    yield from unblocked(site, bucket_policy(site, lambda all_: [*all_, allow("s3:PutObject")]))


@breaks("S3.13")
def no_lifecycle(site):
    before = site.s3.get_bucket_lifecycle_configuration(**BUCKET)["Rules"]
    site.s3.delete_bucket_lifecycle(**BUCKET)
    yield
    site.s3.put_bucket_lifecycle_configuration(LifecycleConfiguration={"Rules": before}, **BUCKET)


# Roles, alarms and logs


def role_policy(site, action, resource):
    name = {"RoleName": "local-web", "PolicyName": "by-hand"}
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    site.iam.put_role_policy(PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}), **name)
    yield
    site.iam.delete_role_policy(**name)


@breaks("IAM.1", "IAM.21", "KMS.2")
def servers_that_may_do_everything(site):
    yield from role_policy(site, "*", "*")


@breaks("IAM.21")
def servers_that_may_do_everything_with_a_bucket(site):
    yield from role_policy(site, "s3:*", f"{NAME}/*")


@breaks("KMS.2")
def servers_that_may_decrypt_everything(site):
    yield from role_policy(site, "kms:Decrypt", "*")


@breaks("KMS.1")
def a_managed_policy_that_decrypts_everything(site):
    statement = {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = site.iam.create_policy(PolicyName="by-hand", PolicyDocument=document)["Policy"]["Arn"]
    site.iam.attach_role_policy(RoleName="local-web", PolicyArn=arn)
    yield
    site.iam.detach_role_policy(RoleName="local-web", PolicyArn=arn)
    site.iam.delete_policy(PolicyArn=arn)


def alarm(site, **more):
    watch = site.aws.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="local-by-hand", Namespace="AWS/ApplicationELB", MetricName="HTTPCode_ELB_5XX_Count", Statistic="Sum",
        Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", **more,
    )  # fmt: skip
    yield
    watch.delete_alarms(AlarmNames=["local-by-hand"])


@breaks("CloudWatch.15")
def an_alarm_that_does_nothing(site):
    yield from alarm(site)


@breaks("CloudWatch.17")
def an_alarm_that_is_switched_off(site):
    topic = "arn:aws:sns:us-west-2:123456789012:topic"
    yield from alarm(site, AlarmActions=[topic], ActionsEnabled=False)


@breaks()
def an_alarm_that_tells_somebody(site):
    yield from alarm(site, AlarmActions=["arn:aws:sns:us-west-2:123456789012:topic"])


@mends("CloudWatch.16")
def logs_for_a_year(site):
    logs = site.aws.client("logs")
    groups = {g["logGroupName"]: g["retentionInDays"] for g in logs.describe_log_groups()["logGroups"]}
    for name in groups:
        logs.put_retention_policy(logGroupName=name, retentionInDays=365)
    yield
    for name, days in groups.items():
        logs.put_retention_policy(logGroupName=name, retentionInDays=days)


@mends("EC2.57")
def an_endpoint_for_systems_manager(site):
    made = site.ec2.create_vpc_endpoint(
        VpcId=site.vpc, ServiceName="com.amazonaws.us-west-2.ssm", VpcEndpointType="Interface",
        SubnetIds=[site.subnets["private-us-west-2a"]],
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    yield
    site.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
