"""All that is in an account, told without ids: two accounts that were built alike have equal inventories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from embedded_aws.testing import LocalAws
from runbook_lib.aws.snapshot import tags_of

KEY = "runbook:key"
Told = tuple[str, ...]


def inventory(aws: LocalAws) -> dict[str, list[Any]]:
    """By kind, what there is: each with its name or identity, its tags, and what hangs on it."""
    parts: tuple[Callable[[LocalAws], Iterator[tuple[str, Iterable[Any]]]], ...] = (
        _network, _rules, _iam, _data, _compute, _balancers, _stored, _deployments,
    )  # fmt: skip
    found = {kind: sorted(things, key=str) for part in parts for kind, things in part(aws)}
    return {kind: things for kind, things in found.items() if things}


def _tags(thing: Any, field: str = "Tags") -> Told:
    tags = tags_of(thing, field)
    random = {"runbook:public"}
    return tuple(sorted(f"{key}={'...' if key in random else value}" for key, value in tags.items()))


def _network(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    ec2 = aws.client("ec2")
    vpcs = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    ours = [{"Name": "vpc-id", "Values": [vpc["VpcId"] for vpc in vpcs] or ["none"]}]
    yield "vpc", [(vpc["CidrBlock"], _tags(vpc)) for vpc in vpcs]
    subnets = ec2.describe_subnets(Filters=ours)["Subnets"]
    yield "subnet", [(subnet["CidrBlock"], _tags(subnet)) for subnet in subnets]
    yield (
        "internet gateway",
        [
            (len(gateway["Attachments"]), _tags(gateway))
            for gateway in ec2.describe_internet_gateways()["InternetGateways"]
        ],
    )
    yield "address", [("AssociationId" in address, _tags(address)) for address in ec2.describe_addresses()["Addresses"]]
    nats = ec2.describe_nat_gateways()["NatGateways"]
    yield "nat gateway", [_tags(nat) for nat in nats if nat["State"] != "deleted"]
    tables = ec2.describe_route_tables(Filters=ours)["RouteTables"]
    yield (
        "route table",
        [
            (
                sorted(route.get("DestinationCidrBlock", "endpoint") for route in table["Routes"]),
                len(table["Associations"]),
                _tags(table),
            )
            for table in tables
        ],
    )
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    yield (
        "endpoint",
        [(len(e["RouteTableIds"]), _tags(e)) for e in endpoints if e["State"] != "deleted"],
    )
    yield "flow log", [_tags(log) for log in ec2.describe_flow_logs()["FlowLogs"]]
    yield "key pair", [(pair["KeyName"], _tags(pair)) for pair in ec2.describe_key_pairs()["KeyPairs"]]
    groups = ec2.describe_security_groups(Filters=ours)["SecurityGroups"]
    yield "security group", [(group["GroupName"], _tags(group)) for group in groups]


def _rules(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    ec2 = aws.client("ec2")
    names = {g["GroupId"]: g["GroupName"] for g in ec2.describe_security_groups()["SecurityGroups"] if _tags(g)}
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    yield (
        "rule",
        [
            (names[rule["GroupId"]], rule["IsEgress"], rule["FromPort"], _tags(rule))
            for rule in rules
            if rule["GroupId"] in names
        ],
    )


def _iam(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    iam = aws.client("iam")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["Path"].startswith("/runbook/")]
    yield (
        "role",
        [
            (
                role,
                _tags(iam.list_role_tags(RoleName=role)),
                sorted(p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]),
                sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]),
            )
            for role in roles
        ],
    )
    profiles = iam.list_instance_profiles()["InstanceProfiles"]
    yield (
        "instance profile",
        [
            (
                profile["InstanceProfileName"],
                [role["RoleName"] for role in profile["Roles"]],
                _tags(iam.list_instance_profile_tags(InstanceProfileName=profile["InstanceProfileName"])),
            )
            for profile in profiles
        ],
    )


def _data(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    rds, logs = aws.client("rds"), aws.client("logs")
    groups = rds.describe_db_subnet_groups()["DBSubnetGroups"]
    yield "db subnet group", [(g["DBSubnetGroupName"], len(g["Subnets"])) for g in groups]
    families = rds.describe_db_parameter_groups()["DBParameterGroups"]
    yield (
        "db parameter group",
        [
            (name, sorted(_set_by_us(rds, name)))
            for g in families
            if not (name := g["DBParameterGroupName"]).startswith("default")
        ],
    )
    instances = rds.describe_db_instances()["DBInstances"]
    yield "db instance", [(i["DBInstanceIdentifier"], _tags(i, "TagList")) for i in instances]
    yield "db snapshot", [s["SnapshotType"] for s in rds.describe_db_snapshots()["DBSnapshots"]]
    caches = aws.client("elasticache")
    yield (
        "cache subnet group",
        [
            (g["CacheSubnetGroupName"], len(g["Subnets"]))
            for g in caches.describe_cache_subnet_groups()["CacheSubnetGroups"]
        ],
    )
    groups = caches.describe_replication_groups()["ReplicationGroups"]
    yield "cache", [(g["ReplicationGroupId"], len(g["MemberClusters"])) for g in groups]
    found = logs.describe_log_groups()["logGroups"]
    yield (
        "log group",
        [
            (
                g["logGroupName"],
                g.get("retentionInDays"),
                _tags(logs.list_tags_for_resource(resourceArn=g["arn"].removesuffix(":*")), "tags"),
            )
            for g in found
        ],
    )


def _set_by_us(rds: Any, group: str) -> Iterator[tuple[str, str]]:
    for page in rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group, Source="user"):
        yield from ((p["ParameterName"], p["ParameterValue"]) for p in page["Parameters"])


def _compute(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    ec2, scaling = aws.client("ec2"), aws.client("autoscaling")
    templates = ec2.describe_launch_templates()["LaunchTemplates"]
    yield "launch template", [(t["LaunchTemplateName"], t["LatestVersionNumber"], _tags(t)) for t in templates]
    yield (
        "auto scaling group",
        [
            (g["AutoScalingGroupName"], g["MinSize"], g["MaxSize"], _tags(g))
            for g in scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        ],
    )
    reservations = ec2.describe_instances()["Reservations"]
    yield (
        "instance",
        [
            tags_of(instance)["Name"]
            for reservation in reservations
            for instance in reservation["Instances"]
            if instance["State"]["Name"] not in ("shutting-down", "terminated")
        ],
    )
    yield "volume", [_tags(volume) for volume in ec2.describe_volumes()["Volumes"]]


def _balancers(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    elb, acm = aws.client("elbv2"), aws.client("acm")

    def tags(arn: str) -> Told:
        return _tags(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0])

    balancers = elb.describe_load_balancers()["LoadBalancers"]
    yield "load balancer", [(b["LoadBalancerName"], tags(b["LoadBalancerArn"])) for b in balancers]
    yield (
        "listener",
        [
            (listener["Port"], tags(listener["ListenerArn"]))
            for balancer in balancers
            for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        ],
    )
    groups = elb.describe_target_groups()["TargetGroups"]
    yield "target group", [(g["TargetGroupName"], tags(g["TargetGroupArn"])) for g in groups]
    certificates = acm.list_certificates()["CertificateSummaryList"]
    yield (
        "certificate",
        [
            (c["DomainName"], _tags(acm.list_tags_for_certificate(CertificateArn=c["CertificateArn"])))
            for c in certificates
        ],
    )


def _stored(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    s3, secrets, ssm = aws.client("s3"), aws.client("secretsmanager"), aws.client("ssm")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    yield "bucket", [(bucket, _tags(s3.get_bucket_tagging(Bucket=bucket), "TagSet")) for bucket in buckets]
    yield (
        "object",
        [
            stored["Key"]
            for bucket in buckets
            for stored in s3.list_object_versions(Bucket=bucket).get("Versions", ())
            if "/AWSLogs/" not in stored["Key"]  # written by the load balancer, when it likes
        ],
    )
    kept = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    yield (
        "secret",
        [(secret["Name"].partition("!")[0], _tags(secret)) for secret in kept if "OwningService" not in secret],
    )
    yield "master secret", [secret["OwningService"] for secret in kept if "OwningService" in secret]
    parameters = ssm.get_parameters_by_path(Path="/local", Recursive=True)["Parameters"]
    yield "parameter", [(parameter["Name"], parameter["Version"]) for parameter in parameters]


def _deployments(aws: LocalAws) -> Iterator[tuple[str, Iterable[Any]]]:
    codedeploy = aws.client("codedeploy")
    applications = codedeploy.list_applications()["applications"]
    yield "application", applications
    groups = [
        (application, group)
        for application in applications
        for group in codedeploy.list_deployment_groups(applicationName=application)["deploymentGroups"]
    ]
    yield "deployment group", groups
    deployments = [
        codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
        for application, group in groups
        for deployment in codedeploy.list_deployments(applicationName=application, deploymentGroupName=group)[
            "deployments"
        ]
    ]
    # CodeDeploy makes others by itself, whenever a server is launched.
    yield "deployment", [found["status"] for found in deployments if found["creator"] == "user"]
