"""Networks: dependencies on deletion, and descriptions of rules, gateways and endpoints."""

from services.errors import raises
from services.network import tagged
from tests.support.trusted_keys import trust

S3 = "com.amazonaws.us-west-2.s3"


def create_database(network, **more):
    """Create a database with subnet group `db` in the network; return the RDS client."""
    rds = network.aws.client("rds")
    network.linked_role("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="db", DBSubnetGroupDescription="d", SubnetIds=network.subnets)
    rds.create_db_instance(
        DBInstanceIdentifier="db",
        DBInstanceClass="db.t4g.micro",
        Engine="mysql",
        MasterUsername="keeper",
        ManageMasterUserPassword=True,
        AllocatedStorage=20,
        DBSubnetGroupName="db",
        VpcSecurityGroupIds=[network.group],
        **more,
    )
    return rds


def allow_from(network, group, source, description="from there"):
    """Allow one group to access another on port 8080; return the rule's id."""
    created = network.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 8080,
                "ToPort": 8080,
                "UserIdGroupPairs": [{"GroupId": source, "Description": description}],
            }
        ],
        TagSpecifications=tagged("security-group-rule"),
    )
    return created["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def describe_rule(network, rule_id):
    return network.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"][0]


def test_a_rule_that_names_a_group_keeps_its_description(network):
    """As a rule with a CIDR block does."""
    source = network.security_group("alb")
    assert describe_rule(network, allow_from(network, network.group, source))["Description"] == "from there"


def test_a_rule_that_names_a_group_is_changed_in_place(network):
    """Ports, description and referenced group, also in the description of its security group."""
    first, second = network.security_group("alb"), network.security_group("bastion")
    rule_id = allow_from(network, network.group, first)
    change = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "ReferencedGroupId": second, "Description": "ssh"}
    network.ec2.modify_security_group_rules(
        GroupId=network.group, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": change}]
    )
    changed = describe_rule(network, rule_id)
    assert (changed["FromPort"], changed["Description"]) == (22, "ssh")
    assert changed["ReferencedGroupInfo"]["GroupId"] == second
    group = network.ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]
    (pair,) = group["IpPermissions"][0]["UserIdGroupPairs"]
    assert (pair["GroupId"], pair["Description"]) == (second, "ssh")


def test_rules_are_compared_without_their_descriptions(network):
    """A rule with another description is a duplicate, and a rule is revoked without its description."""
    source = network.security_group("alb")
    allow_from(network, network.group, source)
    with raises("InvalidPermission.Duplicate"):
        allow_from(network, network.group, source, description="another description")
    pair = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": source}]}
    network.ec2.revoke_security_group_ingress(GroupId=network.group, IpPermissions=[pair])
    group = network.ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]
    assert group["IpPermissions"] == []


def test_a_security_group_in_use_cannot_be_deleted(network):
    """By a rule of another group, and by an instance."""
    source = network.security_group("alb")
    rule_id = allow_from(network, network.group, source)
    instance_id = network.instance()["InstanceId"]
    for group in (source, network.group):
        with raises("DependencyViolation", group):
            network.ec2.delete_security_group(GroupId=group)
    network.ec2.revoke_security_group_ingress(GroupId=network.group, SecurityGroupRuleIds=[rule_id])
    network.ec2.terminate_instances(InstanceIds=[instance_id])
    for group in (source, network.group):
        network.ec2.delete_security_group(GroupId=group)


def test_a_load_balancer_uses_its_group_its_subnets_and_the_gateway(network, balancer):
    """They can be deleted after it."""
    calls = [
        (network.ec2.delete_security_group, {"GroupId": network.group}),
        (network.ec2.delete_subnet, {"SubnetId": network.subnets[1]}),
        (network.ec2.detach_internet_gateway, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}),
    ]
    for delete, arguments in calls:
        with raises("DependencyViolation"):
            delete(**arguments)
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    for delete, arguments in calls:
        delete(**arguments)


def test_a_database_uses_its_group_and_its_subnets(network):
    """A single-AZ database uses one of two subnets."""
    rds = create_database(network, AvailabilityZone="us-west-2b")
    with raises("DependencyViolation"):
        network.ec2.delete_security_group(GroupId=network.group)
    with raises("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[1])
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    network.ec2.delete_subnet(SubnetId=network.subnets[1])
    network.ec2.delete_security_group(GroupId=network.group)


def test_a_nat_gateway_uses_its_address_its_subnet_and_the_internet_gateway(network):
    """They can be deleted after it; it remains listed as deleted."""
    nat, address = network.nat_gateway()
    association = network.ec2.describe_addresses()["Addresses"][0]["AssociationId"]
    with raises("InvalidIPAddress.InUse"):
        network.ec2.release_address(AllocationId=address)
    with raises("AuthFailure"):
        network.ec2.disassociate_address(AssociationId=association)
    with raises("DependencyViolation", "mapped public address"):
        network.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    with raises("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[0])
    network.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert "AssociationId" not in network.ec2.describe_addresses()["Addresses"][0]
    network.ec2.release_address(AllocationId=address)
    network.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    (described,) = network.ec2.describe_nat_gateways()["NatGateways"]
    assert described["State"] == "deleted"
    assert described["DeleteTime"] >= described["CreateTime"]
    with raises("NatGatewayNotFound"):
        network.ec2.delete_nat_gateway(NatGatewayId="nat-00000000000000000")


def test_nat_gateways_are_filtered_by_tag(network):
    """A list call returns the matching gateways only."""
    nat, _ = network.nat_gateway()
    gateways = network.ec2.describe_nat_gateways(Filter=[{"Name": "tag:env", "Values": ["test"]}])["NatGateways"]
    assert [(gateway["NatGatewayId"], gateway["ConnectivityType"]) for gateway in gateways] == [(nat, "public")]
    assert network.ec2.describe_nat_gateways(Filter=[{"Name": "tag:env", "Values": ["prod"]}])["NatGateways"] == []


def test_a_vpc_with_resources_cannot_be_deleted(network):
    """Every resource in it prevents the deletion, except those that AWS created with it."""
    ec2, table = network.ec2, network.route_table()
    ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=network.gateway)
    created = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName=S3, VpcEndpointType="Gateway", RouteTableIds=[table]
    )
    steps = [
        (ec2.delete_subnet, {"SubnetId": network.subnets[0]}),
        (ec2.delete_subnet, {"SubnetId": network.subnets[1]}),
        (ec2.delete_route_table, {"RouteTableId": table}),
        (ec2.delete_vpc_endpoints, {"VpcEndpointIds": [created["VpcEndpoint"]["VpcEndpointId"]]}),
        (ec2.delete_security_group, {"GroupId": network.group}),
        (ec2.detach_internet_gateway, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}),
    ]
    for step, arguments in steps:
        with raises("DependencyViolation"):
            ec2.delete_vpc(VpcId=network.vpc)
        step(**arguments)
    ec2.delete_vpc(VpcId=network.vpc)
    mine = [{"Name": "vpc-id", "Values": [network.vpc]}]
    assert ec2.describe_network_acls(Filters=mine)["NetworkAcls"] == []
    assert ec2.describe_security_groups(Filters=mine)["SecurityGroups"] == []


def test_default_resources_of_a_vpc_are_deleted_only_with_it(network):
    """The main route table and the default security group."""
    mine = [{"Name": "vpc-id", "Values": [network.vpc]}]
    (main,) = network.ec2.describe_route_tables(Filters=mine)["RouteTables"]
    with raises("DependencyViolation"):
        network.ec2.delete_route_table(RouteTableId=main["RouteTableId"])
    by_name = [*mine, {"Name": "group-name", "Values": ["default"]}]
    (default,) = network.ec2.describe_security_groups(Filters=by_name)["SecurityGroups"]
    with raises("CannotDelete"):
        network.ec2.delete_security_group(GroupId=default["GroupId"])


def test_a_subnet_is_deleted_with_its_association(network):
    """The route table can be deleted as soon as its subnets are deleted."""
    table = network.route_table()
    network.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    with raises("DependencyViolation"):
        network.ec2.delete_route_table(RouteTableId=table)
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    network.ec2.delete_route_table(RouteTableId=table)


def test_a_gateway_endpoints_routes_follow_its_tables(network):
    """A table that is added gets the route, one that is removed loses it."""
    first, second = network.route_table(), network.route_table()
    created = network.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName=S3,
        VpcEndpointType="Gateway",
        RouteTableIds=[first],
        TagSpecifications=tagged("vpc-endpoint"),
    )
    endpoint = created["VpcEndpoint"]["VpcEndpointId"]

    def routed_tables():
        tables = network.ec2.describe_route_tables(RouteTableIds=[first, second])["RouteTables"]
        return [t["RouteTableId"] for t in tables if endpoint in [route.get("GatewayId") for route in t["Routes"]]]

    assert routed_tables() == [first]
    network.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[second], RemoveRouteTableIds=[first])
    by_tag = [{"Name": "tag:env", "Values": ["test"]}]
    assert network.ec2.describe_vpc_endpoints(Filters=by_tag)["VpcEndpoints"][0]["RouteTableIds"] == [second]
    assert routed_tables() == [second]
    with raises("RouteAlreadyExists"):
        network.ec2.create_vpc_endpoint(
            VpcId=network.vpc, ServiceName=S3, VpcEndpointType="Gateway", RouteTableIds=[second]
        )
    network.ec2.delete_route_table(RouteTableId=first)
    network.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert network.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    network.ec2.delete_route_table(RouteTableId=second)


def test_flow_logs_are_created_described_and_deleted(network):
    """With all settings, and filtered by tag."""
    network.aws.client("logs").create_log_group(logGroupName="flow")
    role = network.aws.client("iam").create_role(RoleName="flow", AssumeRolePolicyDocument=trust("vpc-flow-logs"))[
        "Role"
    ]["Arn"]
    created = network.ec2.create_flow_logs(
        ResourceIds=[network.vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogGroupName="flow",
        DeliverLogsPermissionArn=role,
        MaxAggregationInterval=60,
        TagSpecifications=tagged("vpc-flow-log"),
    )
    (flow_log,) = network.ec2.describe_flow_logs(Filters=[{"Name": "tag:env", "Values": ["test"]}])["FlowLogs"]
    assert [flow_log["FlowLogId"]] == created["FlowLogIds"]
    assert (flow_log["ResourceId"], flow_log["LogGroupName"], flow_log["TrafficType"]) == (network.vpc, "flow", "ALL")
    assert (flow_log["DeliverLogsPermissionArn"], flow_log["MaxAggregationInterval"]) == (role, 60)
    network.ec2.delete_flow_logs(FlowLogIds=created["FlowLogIds"])
    assert network.ec2.describe_flow_logs()["FlowLogs"] == []
