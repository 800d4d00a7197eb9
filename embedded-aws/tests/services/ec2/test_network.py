"""What EC2 lets go only in the right order, and what it reads back of rules, gateways and endpoints."""

from services.errors import refused
from services.network import tagged
from tests.support.trusted_keys import trust

S3 = "com.amazonaws.us-west-2.s3"


def database(network, **more):
    """A database of the network, in its group `db`."""
    rds = network.aws.client("rds")
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


def allow(network, group, source, description="from there"):
    """Let one group into another on 8080; the rule's id."""
    made = network.ec2.authorize_security_group_ingress(
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
    return made["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def rule(network, rule_id):
    return network.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"][0]


def test_a_rule_that_names_a_group_keeps_its_description(network):
    """As one with a network does."""
    source = network.security_group("alb")
    assert rule(network, allow(network, network.group, source))["Description"] == "from there"


def test_a_rule_that_names_a_group_is_changed_in_place(network):
    """Ports, description and the group itself; the group shows the same."""
    first, second = network.security_group("alb"), network.security_group("bastion")
    rule_id = allow(network, network.group, first)
    change = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "ReferencedGroupId": second, "Description": "ssh"}
    network.ec2.modify_security_group_rules(
        GroupId=network.group, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": change}]
    )
    found = rule(network, rule_id)
    assert (found["FromPort"], found["ReferencedGroupInfo"]["GroupId"], found["Description"]) == (22, second, "ssh")
    group = network.ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]
    (pair,) = group["IpPermissions"][0]["UserIdGroupPairs"]
    assert (pair["GroupId"], pair["Description"]) == (second, "ssh")


def test_descriptions_tell_no_rules_apart(network):
    """The same rule with other words is a duplicate, and is revoked without words."""
    source = network.security_group("alb")
    allow(network, network.group, source)
    with refused("InvalidPermission.Duplicate"):
        allow(network, network.group, source, description="in other words")
    pair = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": source}]}
    network.ec2.revoke_security_group_ingress(GroupId=network.group, IpPermissions=[pair])
    group = network.ec2.describe_security_groups(GroupIds=[network.group])["SecurityGroups"][0]
    assert group["IpPermissions"] == []


def test_a_security_group_in_use_stays(network):
    """Named by a rule of another group, by an instance."""
    source = network.security_group("alb")
    rule_id = allow(network, network.group, source)
    instance_id = network.instance()["InstanceId"]
    for group in (source, network.group):
        with refused("DependencyViolation", group):
            network.ec2.delete_security_group(GroupId=group)
    network.ec2.revoke_security_group_ingress(GroupId=network.group, SecurityGroupRuleIds=[rule_id])
    network.ec2.terminate_instances(InstanceIds=[instance_id])
    for group in (source, network.group):
        network.ec2.delete_security_group(GroupId=group)


def test_a_load_balancer_holds_its_group_its_subnets_and_the_gateway(network, balancer):
    """They are free when it is deleted."""
    calls = [
        (network.ec2.delete_security_group, {"GroupId": network.group}),
        (network.ec2.delete_subnet, {"SubnetId": network.subnets[1]}),
        (network.ec2.detach_internet_gateway, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}),
    ]
    for delete, arguments in calls:
        with refused("DependencyViolation"):
            delete(**arguments)
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    for delete, arguments in calls:
        delete(**arguments)


def test_a_database_holds_its_group_and_its_subnets(network):
    """Of two subnets a single-AZ database stands in one."""
    rds = database(network, AvailabilityZone="us-west-2b")
    with refused("DependencyViolation"):
        network.ec2.delete_security_group(GroupId=network.group)
    with refused("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[1])
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)
    network.ec2.delete_subnet(SubnetId=network.subnets[1])
    network.ec2.delete_security_group(GroupId=network.group)


def test_a_nat_gateway_holds_its_address_its_subnet_and_the_internet_gateway(network):
    """Deleted, it gives all of them free and stays listed for a while."""
    nat, address = network.nat_gateway()
    association = network.ec2.describe_addresses()["Addresses"][0]["AssociationId"]
    with refused("InvalidIPAddress.InUse"):
        network.ec2.release_address(AllocationId=address)
    with refused("AuthFailure"):
        network.ec2.disassociate_address(AssociationId=association)
    with refused("DependencyViolation", "mapped public address"):
        network.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    with refused("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[0])
    network.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert "AssociationId" not in network.ec2.describe_addresses()["Addresses"][0]
    network.ec2.release_address(AllocationId=address)
    network.ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    assert network.ec2.describe_nat_gateways()["NatGateways"][0]["State"] == "deleted"
    with refused("NatGatewayNotFound"):
        network.ec2.delete_nat_gateway(NatGatewayId="nat-00000000000000000")


def test_nat_gateways_are_found_by_tag(network):
    """A list call returns ours only."""
    nat, _ = network.nat_gateway()
    found = network.ec2.describe_nat_gateways(Filter=[{"Name": "tag:env", "Values": ["test"]}])["NatGateways"]
    assert [(gateway["NatGatewayId"], gateway["ConnectivityType"]) for gateway in found] == [(nat, "public")]
    assert network.ec2.describe_nat_gateways(Filter=[{"Name": "tag:env", "Values": ["prod"]}])["NatGateways"] == []


def test_a_vpc_with_contents_stays(network):
    """Every single thing in it holds it, until it is as it was made."""
    ec2, table = network.ec2, network.route_table()
    ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=network.gateway)
    made = ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=S3, VpcEndpointType="Gateway", RouteTableIds=[table])
    steps = [
        (ec2.delete_subnet, {"SubnetId": network.subnets[0]}),
        (ec2.delete_subnet, {"SubnetId": network.subnets[1]}),
        (ec2.delete_route_table, {"RouteTableId": table}),
        (ec2.delete_vpc_endpoints, {"VpcEndpointIds": [made["VpcEndpoint"]["VpcEndpointId"]]}),
        (ec2.delete_security_group, {"GroupId": network.group}),
        (ec2.detach_internet_gateway, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}),
    ]
    for step, arguments in steps:
        with refused("DependencyViolation"):
            ec2.delete_vpc(VpcId=network.vpc)
        step(**arguments)
    ec2.delete_vpc(VpcId=network.vpc)
    mine = [{"Name": "vpc-id", "Values": [network.vpc]}]
    assert ec2.describe_network_acls(Filters=mine)["NetworkAcls"] == []
    assert ec2.describe_security_groups(Filters=mine)["SecurityGroups"] == []


def test_what_comes_with_a_vpc_goes_with_it_only(network):
    """The main route table and the default group cannot be deleted alone."""
    mine = [{"Name": "vpc-id", "Values": [network.vpc]}]
    (main,) = network.ec2.describe_route_tables(Filters=mine)["RouteTables"]
    with refused("DependencyViolation"):
        network.ec2.delete_route_table(RouteTableId=main["RouteTableId"])
    by_name = [*mine, {"Name": "group-name", "Values": ["default"]}]
    (default,) = network.ec2.describe_security_groups(Filters=by_name)["SecurityGroups"]
    with refused("CannotDelete"):
        network.ec2.delete_security_group(GroupId=default["GroupId"])


def test_a_subnet_takes_its_association_along(network):
    """The route table is free as soon as its subnets are gone."""
    table = network.route_table()
    network.ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[0])
    with refused("DependencyViolation"):
        network.ec2.delete_route_table(RouteTableId=table)
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    network.ec2.delete_route_table(RouteTableId=table)


def test_a_gateway_endpoints_routes_follow_its_tables(network):
    """A table that is added gets the route, one that is taken away loses it."""
    first, second = network.route_table(), network.route_table()
    made = network.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName=S3,
        VpcEndpointType="Gateway",
        RouteTableIds=[first],
        TagSpecifications=tagged("vpc-endpoint"),
    )
    endpoint = made["VpcEndpoint"]["VpcEndpointId"]

    def routed():
        tables = network.ec2.describe_route_tables(RouteTableIds=[first, second])["RouteTables"]
        return [t["RouteTableId"] for t in tables if endpoint in [route.get("GatewayId") for route in t["Routes"]]]

    assert routed() == [first]
    network.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[second], RemoveRouteTableIds=[first])
    by_tag = [{"Name": "tag:env", "Values": ["test"]}]
    assert network.ec2.describe_vpc_endpoints(Filters=by_tag)["VpcEndpoints"][0]["RouteTableIds"] == [second]
    assert routed() == [second]
    with refused("RouteAlreadyExists"):
        network.ec2.create_vpc_endpoint(
            VpcId=network.vpc, ServiceName=S3, VpcEndpointType="Gateway", RouteTableIds=[second]
        )
    network.ec2.delete_route_table(RouteTableId=first)
    network.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert network.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    network.ec2.delete_route_table(RouteTableId=second)


def test_flow_logs_are_made_found_and_deleted(network):
    """With all that makes one, and by its tags."""
    network.aws.client("logs").create_log_group(logGroupName="flow")
    role = network.aws.client("iam").create_role(RoleName="flow", AssumeRolePolicyDocument=trust("vpc-flow-logs"))[
        "Role"
    ]["Arn"]
    made = network.ec2.create_flow_logs(
        ResourceIds=[network.vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="cloud-watch-logs",
        LogGroupName="flow",
        DeliverLogsPermissionArn=role,
        MaxAggregationInterval=60,
        TagSpecifications=tagged("vpc-flow-log"),
    )
    (found,) = network.ec2.describe_flow_logs(Filters=[{"Name": "tag:env", "Values": ["test"]}])["FlowLogs"]
    assert [found["FlowLogId"]] == made["FlowLogIds"]
    assert (found["ResourceId"], found["LogGroupName"], found["TrafficType"]) == (network.vpc, "flow", "ALL")
    assert (found["DeliverLogsPermissionArn"], found["MaxAggregationInterval"]) == (role, 60)
    network.ec2.delete_flow_logs(FlowLogIds=made["FlowLogIds"])
    assert network.ec2.describe_flow_logs()["FlowLogs"] == []
