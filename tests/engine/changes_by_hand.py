"""What a person changes by hand, through plain boto3 clients: one function each, and where drift has to tell it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

Act = Callable[["Hand"], Any]
ANYONE = "0.0.0.0/0"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


class Hand:
    """A person with the console: clients, and the ids of what there is."""

    def __init__(self, client: Callable[[str], Any], ids: Mapping[str, str]) -> None:
        self._client, self.ids = client, ids
        self._clients: dict[str, Any] = {}

    def __getattr__(self, service: str) -> Any:
        if service.startswith("_"):
            raise AttributeError(service)
        if service not in self._clients:
            self._clients[service] = self._client(service)
        return self._clients[service]

    @cached_property
    def bucket(self) -> str:
        return self.ids["bucket.runbook"]

    def id(self, key: str) -> str:
        return self.ids[key]

    def balancer(self) -> dict[str, str]:
        return {"LoadBalancerArn": self.ids["load_balancer.web"]}

    def attribute(self, key: str, value: str) -> Any:
        return self.elbv2.modify_load_balancer_attributes(**self.balancer(), Attributes=[{"Key": key, "Value": value}])

    def targets_attribute(self, key: str, value: str) -> Any:
        return self.elbv2.modify_target_group_attributes(
            TargetGroupArn=self.ids["target_group.web"], Attributes=[{"Key": key, "Value": value}]
        )

    def another_table(self) -> str:
        table = self.ec2.create_route_table(VpcId=self.ids["vpc.main"])["RouteTable"]
        return str(table["RouteTableId"])

    def another_group(self, name: str) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description="by hand", VpcId=self.ids["vpc.main"])
        return str(made["GroupId"])

    def another_target_group(self) -> str:
        made = self.elbv2.create_target_group(Name="byhand", Protocol="HTTP", Port=80, VpcId=self.ids["vpc.main"])
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def database(self, **changed: Any) -> Any:
        name = self.ids["db_instance.database"]
        return self.rds.modify_db_instance(DBInstanceIdentifier=name, ApplyImmediately=True, **changed)

    def servers(self, **changed: Any) -> Any:
        return self.autoscaling.update_auto_scaling_group(AutoScalingGroupName="local-web", **changed)

    def deployments(self, **changed: Any) -> Any:
        return self.codedeploy.update_deployment_group(
            applicationName="local-web", currentDeploymentGroupName="local-web", **changed
        )

    def health(self, **changed: Any) -> Any:
        return self.elbv2.modify_target_group(TargetGroupArn=self.ids["target_group.web"], **changed)

    def https(self, **changed: Any) -> Any:
        return self.elbv2.modify_listener(ListenerArn=self.ids["listener.https"], **changed)

    def rule(self, key: str, **changed: Any) -> Any:
        """Change one of our ingress rules, as the console does: the whole rule is written."""
        (rule,) = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[self.ids[key]])["SecurityGroupRules"]
        names = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "Description")
        request = {name: rule[name] for name in names if name in rule}
        if "ReferencedGroupInfo" in rule:
            request["ReferencedGroupId"] = rule["ReferencedGroupInfo"]["GroupId"]
        return self.ec2.modify_security_group_rules(
            GroupId=rule["GroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": self.ids[key], "SecurityGroupRule": request | changed}],
        )

    def let_in(self, group: str, port: int = 22, cidr: str = ANYONE) -> Any:
        return self.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
        )

    def tag(self, key: str, name: str = "project", value: str = "other") -> Any:
        return self.ec2.create_tags(Resources=[self.ids[key]], Tags=[{"Key": name, "Value": value}])

    def untag(self, key: str, name: str = "Name") -> Any:
        return self.ec2.delete_tags(Resources=[self.ids[key]], Tags=[{"Key": name}])


class ByHand(NamedTuple):
    """One change.

    Args:
        key: Of the thing under which drift has to tell it.
        field: Of that thing; empty where the thing is gone.
    """

    name: str
    key: str
    field: str
    act: Act


def _policy(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": "*"}
    ]})  # fmt: skip


def _role_policy() -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def _trust(principal: Mapping[str, str]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    ]})  # fmt: skip


PAIR = [{"Key": "project", "Value": "other"}]


def network_changes() -> Iterator[tuple[str, str, str, Act]]:
    bucket = "bucket.runbook"
    yield "versioning suspended", bucket, "versioned", lambda h: h.s3.put_bucket_versioning(
        Bucket=h.bucket, VersioningConfiguration={"Status": "Suspended"})  # fmt: skip
    yield "another encryption", bucket, "encryption", lambda h: h.s3.put_bucket_encryption(
        Bucket=h.bucket, ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})  # fmt: skip
    yield "public access allowed", bucket, "private", lambda h: h.s3.delete_public_access_block(Bucket=h.bucket)
    yield "public policies allowed", bucket, "private", lambda h: h.s3.put_public_access_block(
        Bucket=h.bucket, PublicAccessBlockConfiguration={
            "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
            "RestrictPublicBuckets": True})  # fmt: skip
    yield "lifecycle deleted", bucket, "expire", lambda h: h.s3.delete_bucket_lifecycle(Bucket=h.bucket)
    yield "lifecycle shortened", bucket, "expire", lambda h: h.s3.put_bucket_lifecycle_configuration(
        Bucket=h.bucket, LifecycleConfiguration={"Rules": [
            {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "alb/"}, "Expiration": {"Days": 1}}]})  # fmt: skip
    yield "bucket policy deleted", bucket, "policy", lambda h: h.s3.delete_bucket_policy(Bucket=h.bucket)
    yield "bucket policy widened", bucket, "policy", lambda h: h.s3.put_bucket_policy(
        Bucket=h.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "s3:GetObject",
             "Resource": f"arn:aws:s3:::{h.bucket}/*"}]}))  # fmt: skip
    yield "bucket tag changed", bucket, "tags", lambda h: h.s3.put_bucket_tagging(
        Bucket=h.bucket, Tagging={"TagSet": [
            tag | ({"Value": "other"} if tag["Key"] == "project" else {})
            for tag in h.s3.get_bucket_tagging(Bucket=h.bucket)["TagSet"]]})  # fmt: skip
    yield "VPC: no DNS", "vpc.main", "dns_support", lambda h: h.ec2.modify_vpc_attribute(
        VpcId=h.id("vpc.main"), EnableDnsSupport={"Value": False})  # fmt: skip
    yield "VPC: no host names", "vpc.main", "dns_hostnames", lambda h: h.ec2.modify_vpc_attribute(
        VpcId=h.id("vpc.main"), EnableDnsHostnames={"Value": False})  # fmt: skip
    yield "VPC renamed", "vpc.main", "tags", lambda h: h.tag("vpc.main", "Name", "mine")
    yield "VPC's project gone", "vpc.main", "tags", lambda h: h.untag("vpc.main", "project")
    yield "VPC's name gone", "vpc.main", "tags", lambda h: h.untag("vpc.main")
    yield "default group opened", "default_security_group.main", "ingress", lambda h: h.let_in(
        h.id("default_security_group.main"))  # fmt: skip
    subnet = "subnet.private-us-west-2a"
    yield "subnet: public addresses", subnet, "public_ips", lambda h: h.ec2.modify_subnet_attribute(
        SubnetId=h.id(subnet), MapPublicIpOnLaunch={"Value": True})  # fmt: skip
    for key in (subnet, "internet_gateway.main", "elastic_ip.nat-us-west-2a", "nat_gateway.us-west-2a",
                "security_group.web", "route_table.public", "vpc_endpoint.s3", "flow_log.main",
                "security_group_rule.db-mysql"):  # fmt: skip
        yield f"{key}: project changed", key, "tags", lambda h, key=key: h.tag(key)
        yield f"{key}: name removed", key, "tags", lambda h, key=key: h.untag(key)
    group = "security_group.db"
    yield "database opened", group, "strangers", lambda h: h.let_in(h.id(group), 3306)
    yield "egress of a port more", group, "egress", lambda h: h.ec2.authorize_security_group_egress(
        GroupId=h.id(group), IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 25, "ToPort": 25, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])  # fmt: skip
    yield "egress closed", "security_group.web", "egress", lambda h: h.ec2.revoke_security_group_egress(
        GroupId=h.id("security_group.web"), IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANYONE}]}]
    )  # fmt: skip
    rule = "security_group_rule.db-mysql"
    yield "rule revoked", rule, "", lambda h: h.ec2.revoke_security_group_ingress(
        GroupId=h.id(group), SecurityGroupRuleIds=[h.id(rule)])  # fmt: skip
    yield "rule: more ports", rule, "port", lambda h: h.rule(rule, ToPort=3400)
    yield "rule: another text", rule, "description", lambda h: h.rule(rule, Description="mine")
    yield "rule: everyone", "security_group_rule.bastion-ssh-203.0.113.0/24", "source", lambda h: h.rule(
        "security_group_rule.bastion-ssh-203.0.113.0/24", CidrIpv4=ANYONE)  # fmt: skip
    logs = "/runbook/local/flow-logs"
    yield "logs kept for ever", "log_group.flow-logs", "days", lambda h: h.logs.delete_retention_policy(
        logGroupName=logs)  # fmt: skip
    yield "logs kept for a day", "log_group.flow-logs", "days", lambda h: h.logs.put_retention_policy(
        logGroupName=logs, retentionInDays=1)  # fmt: skip
    yield "log group: project gone", "log_group.flow-logs", "tags", lambda h: h.logs.untag_resource(
        resourceArn=h.id("log_group.flow-logs"), tagKeys=["project"])  # fmt: skip
    yield "flow log deleted", "flow_log.main", "", lambda h: h.ec2.delete_flow_logs(FlowLogIds=[h.id("flow_log.main")])
    yield "key pair: project changed", "key_pair.bastion", "tags", lambda h: h.ec2.create_tags(
        Resources=[h.ec2.describe_key_pairs()["KeyPairs"][0]["KeyPairId"]], Tags=PAIR)  # fmt: skip
    yield "key pair deleted", "key_pair.bastion", "", lambda h: h.ec2.delete_key_pair(KeyName="local-bastion")
    public, private = "route_table.public", "route_table.private-us-west-2a"
    yield "a route more", public, "other_routes", lambda h: h.ec2.create_route(
        RouteTableId=h.id(public), DestinationCidrBlock="10.99.0.0/16",
        GatewayId=h.id("internet_gateway.main"))  # fmt: skip
    yield "a private route more", private, "other_routes", lambda h: h.ec2.create_route(
        RouteTableId=h.id(private), DestinationCidrBlock="198.51.100.0/24",
        GatewayId=h.id("internet_gateway.main"))  # fmt: skip
    yield "route deleted", "route.public", "", lambda h: h.ec2.delete_route(
        RouteTableId=h.id(public), DestinationCidrBlock=ANYONE)  # fmt: skip
    yield "route past the NAT gateway", "route.private-us-west-2a", "via", lambda h: h.ec2.replace_route(
        RouteTableId=h.id(private), DestinationCidrBlock=ANYONE, GatewayId=h.id("internet_gateway.main"))  # fmt: skip
    where = "route_table_association.private-us-west-2a"
    yield "private subnet made public", where, "table", lambda h: h.ec2.replace_route_table_association(
        AssociationId=h.id(where), RouteTableId=h.id(public))  # fmt: skip
    yield "subnet without a table", where, "", lambda h: h.ec2.disassociate_route_table(AssociationId=h.id(where))
    yield "endpoint's policy", "vpc_endpoint.s3", "policy", lambda h: h.ec2.modify_vpc_endpoint(
        VpcEndpointId=h.id("vpc_endpoint.s3"), PolicyDocument=_policy("s3:GetObject"))  # fmt: skip
    yield "endpoint without a table", "vpc_endpoint_route.public", "", lambda h: h.ec2.modify_vpc_endpoint(
        VpcEndpointId=h.id("vpc_endpoint.s3"), RemoveRouteTableIds=[h.id(public)])  # fmt: skip
    yield "SSH key's value", "ssh_key.bastion-ssh-key", "value", lambda h: h.secretsmanager.put_secret_value(
        SecretId="local/bastion-ssh-key", SecretString="mine")  # fmt: skip


def identity_changes() -> Iterator[tuple[str, str, str, Act]]:
    role = "role.flow-logs"
    yield "role: trust", role, "trust", lambda h: h.iam.update_assume_role_policy(
        RoleName="local-flow-logs", PolicyDocument=_trust({"AWS": "123456789012"}))  # fmt: skip
    yield "role: a policy more", role, "policies", lambda h: h.iam.attach_role_policy(
        RoleName="local-flow-logs", PolicyArn=READ_ONLY)  # fmt: skip
    yield "role: an inline policy more", role, "policies", lambda h: h.iam.put_role_policy(
        RoleName="local-flow-logs", PolicyName="mine", PolicyDocument=_role_policy())  # fmt: skip
    yield (
        "role: project gone",
        role,
        "tags",
        lambda h: h.iam.untag_role(RoleName="local-flow-logs", TagKeys=["project"]),
    )
    yield "role policy widened", "role_policy.flow-logs", "allows", lambda h: h.iam.put_role_policy(
        RoleName="local-flow-logs", PolicyName="local-flow-logs", PolicyDocument=_role_policy())  # fmt: skip
    yield "role policy deleted", "role_policy.flow-logs", "", lambda h: h.iam.delete_role_policy(
        RoleName="local-flow-logs", PolicyName="local-flow-logs")  # fmt: skip
    yield "web role: trust", "role.web", "trust", lambda h: h.iam.update_assume_role_policy(
        RoleName="local-web", PolicyDocument=_trust({"Service": "lambda.amazonaws.com"}))  # fmt: skip
    yield "monitoring: policy detached", "role.monitoring", "policies", lambda h: h.iam.detach_role_policy(
        RoleName="local-monitoring",
        PolicyArn="arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole")  # fmt: skip
    profile = "instance_profile.web"
    yield "profile without a role", profile, "role", lambda h: h.iam.remove_role_from_instance_profile(
        InstanceProfileName="local-web", RoleName="local-web")  # fmt: skip
    yield "profile: project changed", profile, "tags", lambda h: h.iam.tag_instance_profile(
        InstanceProfileName="local-web", Tags=PAIR)  # fmt: skip


def data_changes() -> Iterator[tuple[str, str, str, Act]]:
    subnets, parameters, database = "db_subnet_group.private", "db_parameter_group.mysql", "db_instance.database"
    yield "subnet group: text", subnets, "description", lambda h: h.rds.modify_db_subnet_group(
        DBSubnetGroupName="local-private", DBSubnetGroupDescription="mine",
        SubnetIds=[h.id("subnet.private-us-west-2a"), h.id("subnet.private-us-west-2b")])  # fmt: skip
    yield "subnet group: public", subnets, "subnets", lambda h: h.rds.modify_db_subnet_group(
        DBSubnetGroupName="local-private", SubnetIds=[
            h.id("subnet.private-us-west-2a"), h.id("subnet.private-us-west-2b"),
            h.id("subnet.public-us-west-2b")])  # fmt: skip
    yield "TLS not required", parameters, "parameters", lambda h: h.rds.modify_db_parameter_group(
        DBParameterGroupName="local-mysql", Parameters=[
            {"ParameterName": "require_secure_transport", "ParameterValue": "0", "ApplyMethod": "immediate"}
        ])  # fmt: skip
    yield "a parameter more", parameters, "parameters", lambda h: h.rds.modify_db_parameter_group(
        DBParameterGroupName="local-mysql", Parameters=[
            {"ParameterName": "long_query_time", "ParameterValue": "1", "ApplyMethod": "immediate"}])  # fmt: skip
    for field, changed in {
        "backup_days": {"BackupRetentionPeriod": 1},
        "backup_window": {"PreferredBackupWindow": "10:00-10:30"},
        "maintenance_window": {"PreferredMaintenanceWindow": "mon:03:00-mon:03:30"},
        "minor_upgrades": {"AutoMinorVersionUpgrade": False},
        "deletion_protection": {"DeletionProtection": True},
        "iam_auth": {"EnableIAMDatabaseAuthentication": False},
        "public": {"PubliclyAccessible": True},
        "tags_to_snapshots": {"CopyTagsToSnapshot": False},
        "monitoring_seconds": {"MonitoringInterval": 30},
        "instance_class": {"DBInstanceClass": "db.t4g.small"},
        "multi_az": {"MultiAZ": True},
    }.items():
        yield f"database: {field}", database, field, lambda h, changed=changed: h.database(**changed)
    yield "database: another group", database, "security_group", lambda h: h.database(
        VpcSecurityGroupIds=[h.id("security_group.web")])  # fmt: skip
    yield "database: slow queries not logged", database, "log_exports", lambda h: h.database(
        CloudwatchLogsExportConfiguration={"DisableLogTypes": ["slowquery"]})  # fmt: skip
    yield "database: project changed", database, "tags", lambda h: h.rds.add_tags_to_resource(
        ResourceName="arn:aws:rds:us-west-2:123456789012:db:local-database", Tags=PAIR)  # fmt: skip


def compute_changes() -> Iterator[tuple[str, str, str, Act]]:
    session, balancer, targets = "random_secret.web/session", "load_balancer.web", "target_group.web"
    yield "secret's value", session, "value", lambda h: h.secretsmanager.put_secret_value(
        SecretId="local/web/session", SecretString="mine")  # fmt: skip
    yield "secret's value, twice", session, "value", lambda h: [h.secretsmanager.put_secret_value(
        SecretId="local/web/session", SecretString=text) for text in ("mine", "yours")]  # fmt: skip
    yield "secret about to go", session, "kept", lambda h: h.secretsmanager.delete_secret(
        SecretId="local/web/session", RecoveryWindowInDays=7)  # fmt: skip
    yield "secret: project gone", session, "tags", lambda h: h.secretsmanager.untag_resource(
        SecretId="local/web/session", TagKeys=["project"])  # fmt: skip
    yield "balancer: protected", balancer, "attributes", lambda h: h.attribute("deletion_protection.enabled", "true")
    yield "balancer: no logs", balancer, "attributes", lambda h: h.attribute("access_logs.s3.enabled", "false")
    yield "balancer: bad headers", balancer, "attributes", lambda h: h.attribute(
        "routing.http.drop_invalid_header_fields.enabled", "false")  # fmt: skip
    yield "balancer: time-out", balancer, "attributes", lambda h: h.attribute("idle_timeout.timeout_seconds", "300")
    yield "balancer: two groups more", balancer, "groups", lambda h: h.elbv2.set_security_groups(
        **h.balancer(), SecurityGroups=[
            h.id("security_group.alb"), h.another_group("one"), h.another_group("two")])  # fmt: skip
    yield "balancer: project gone", balancer, "tags", lambda h: h.elbv2.remove_tags(
        ResourceArns=[h.id(balancer)], TagKeys=["project"])  # fmt: skip
    yield "a listener more", balancer, "other_listeners", lambda h: h.elbv2.create_listener(
        **h.balancer(), Protocol="HTTP", Port=8443, DefaultActions=[
            {"Type": "forward", "TargetGroupArn": h.id(targets)}])  # fmt: skip
    for field, changed in {
        "interval": {"HealthCheckIntervalSeconds": 60},
        "timeout": {"HealthCheckTimeoutSeconds": 2}, "healthy": {"HealthyThresholdCount": 9},
        "unhealthy": {"UnhealthyThresholdCount": 9}, "codes": {"Matcher": {"HttpCode": "200-499"}},
    }.items():  # fmt: skip
        yield f"targets: {field}", targets, field, lambda h, changed=changed: h.health(**changed)
    yield "targets: delay", targets, "deregistration_seconds", lambda h: h.targets_attribute(
        "deregistration_delay.timeout_seconds", "7")  # fmt: skip
    yield "targets: sticky", targets, "attributes", lambda h: h.targets_attribute("stickiness.enabled", "true")
    https = "listener.https"
    fixed = {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "Closed"}
    yield "answers 503", https, "target_group", lambda h: h.https(
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}])  # fmt: skip
    yield "redirects for a while", "redirect_listener.http", "to_port", lambda h: h.elbv2.modify_listener(
        ListenerArn=h.id("redirect_listener.http"), DefaultActions=[{"Type": "redirect", "RedirectConfig": {
            "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_302"}}])  # fmt: skip
    yield "HTTP answers itself", "redirect_listener.http", "to_port", lambda h: h.elbv2.modify_listener(
        ListenerArn=h.id("redirect_listener.http"),
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}])  # fmt: skip
    yield "an old TLS policy", https, "policy", lambda h: h.https(SslPolicy="ELBSecurityPolicy-2016-08")
    yield "a rule more", https, "rules", lambda h: h.elbv2.create_rule(
        ListenerArn=h.id(https), Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/admin"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}])  # fmt: skip
    yield "no listener", https, "", lambda h: h.elbv2.delete_listener(ListenerArn=h.id(https))
    yield "listener: project gone", https, "tags", lambda h: h.elbv2.remove_tags(
        ResourceArns=[h.id(https)], TagKeys=["project"])  # fmt: skip
    template, servers = "launch_template.web", "auto_scaling_group.web"
    yield "template: a version of somebody", template, "instance_type", lambda h: _new_default(
        h, InstanceType="t4g.large")  # fmt: skip
    yield "template: IMDSv1", template, "imds", lambda h: _new_default(
        h, MetadataOptions={"HttpTokens": "optional"})  # fmt: skip
    yield "template: name removed", template, "tags", lambda h: h.untag(template)
    yield "servers: more", servers, "most", lambda h: h.servers(MaxSize=9)
    yield "servers: fewer", servers, "least", lambda h: h.servers(MinSize=0)
    yield "servers: grace", servers, "grace_seconds", lambda h: h.servers(HealthCheckGracePeriod=1)
    yield "servers: health", servers, "health", lambda h: h.servers(HealthCheckType="EC2")
    yield "servers: protected", servers, "settings", lambda h: h.servers(NewInstancesProtectedFromScaleIn=True)
    yield "servers: target group detached", servers, "target_group", (
        lambda h: h.autoscaling.detach_load_balancer_target_groups(
            AutoScalingGroupName="local-web", TargetGroupARNs=[h.id(targets)]))  # fmt: skip
    yield "servers: target group more", servers, "target_group", (
        lambda h: h.autoscaling.attach_load_balancer_target_groups(
            AutoScalingGroupName="local-web", TargetGroupARNs=[h.another_target_group()]))  # fmt: skip
    yield "servers: a foreign hook", servers, "hooks", lambda h: h.autoscaling.put_lifecycle_hook(
        AutoScalingGroupName="local-web", LifecycleHookName="mine", HeartbeatTimeout=60,
        LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING")  # fmt: skip
    yield "servers: suspended", servers, "suspended", lambda h: h.autoscaling.suspend_processes(
        AutoScalingGroupName="local-web", ScalingProcesses=["ReplaceUnhealthy"])  # fmt: skip
    yield "servers: project gone", servers, "tags", lambda h: h.autoscaling.delete_tags(Tags=[
        {"ResourceId": "local-web", "ResourceType": "auto-scaling-group", "Key": "project"}])  # fmt: skip
    bastion = "instance.bastion"
    yield "bastion: another group", bastion, "groups", lambda h: h.ec2.modify_instance_attribute(
        InstanceId=h.id(bastion), Groups=[h.id("security_group.web")])  # fmt: skip
    yield "bastion: IMDSv1", bastion, "imds", lambda h: h.ec2.modify_instance_metadata_options(
        InstanceId=h.id(bastion), HttpTokens="optional")  # fmt: skip
    yield "bastion: name removed", bastion, "tags", lambda h: h.untag(bastion)


def _new_default(hand: Hand, **data: Any) -> None:
    template = {"LaunchTemplateId": hand.id("launch_template.web")}
    made = hand.ec2.create_launch_template_version(**template, SourceVersion="1", LaunchTemplateData=data)
    number = str(made["LaunchTemplateVersion"]["VersionNumber"])
    hand.ec2.modify_launch_template(**template, DefaultVersion=number)


def deploy_changes() -> Iterator[tuple[str, str, str, Act]]:
    config, group = "configuration_parameter.web/config", "deployment_group.web"
    yield "configuration rewritten", config, "user", lambda h: h.ssm.put_parameter(
        Name="/local/web/config", Value="{}", Type="String", Overwrite=True)  # fmt: skip
    yield "configuration: project gone", config, "tags", lambda h: h.ssm.remove_tags_from_resource(
        ResourceType="Parameter", ResourceId="/local/web/config", TagKeys=["project"])  # fmt: skip
    yield "all at once", group, "configuration", lambda h: h.deployments(
        deploymentConfigName="CodeDeployDefault.AllAtOnce")  # fmt: skip
    yield "no rollback", group, "rollback", lambda h: h.deployments(
        autoRollbackConfiguration={"enabled": False, "events": []})  # fmt: skip
    yield "without traffic control", group, "traffic", lambda h: h.deployments(
        deploymentStyle={"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"})  # fmt: skip
    yield "outdated servers left", group, "outdated", lambda h: h.deployments(outdatedInstancesStrategy="IGNORE")
    yield (
        "launch hook removed",
        group,
        "launch_hook",
        lambda h: [
            h.autoscaling.delete_lifecycle_hook(
                AutoScalingGroupName="local-web", LifecycleHookName=hook["LifecycleHookName"]
            )
            for hook in h.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="local-web")["LifecycleHooks"]
        ],
    )
    yield "bundle deleted", "stored_bundle.web", "", lambda h: [
        h.s3.delete_object(Bucket=h.bucket, Key=one["Key"])
        for one in h.s3.list_objects_v2(Bucket=h.bucket, Prefix="bundles/").get("Contents", [])]  # fmt: skip


CHANGES = {
    stack: [ByHand(*change) for change in changes]
    for stack, changes in {
        "network": [*network_changes(), *list(identity_changes())[:6]],
        "data": [*data_changes(), list(identity_changes())[7]],
        "compute": [*compute_changes(), list(identity_changes())[6], *list(identity_changes())[8:]],
        "deploy": list(deploy_changes()),
    }.items()
}
