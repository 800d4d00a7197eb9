"""At a pace, resources pass through the states of AWS: seen slowly, then hurried on, so that no test waits for long."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedded_aws.testing import eventually
from services.acm.test_certificates import detail, request, validate
from services.database import Database
from services.deploy import Deploy
from services.errors import raises

SLOW, AT_ONCE = 10, 0


@pytest.fixture
def slow(aws):
    """AWS's durations, ten times over: nothing gets anywhere until it is hurried."""
    aws.control("pace", SLOW)
    yield lambda: aws.control("pace", SLOW)
    aws.control("pace", AT_ONCE)


@pytest.fixture
def hurry(aws):
    """At once, also for what is on its way."""
    return lambda: aws.control("pace", AT_ONCE)


def test_a_network_is_pending_before_it_is_available(slow, hurry, aws):
    """VPC and subnets; what came with the account is there."""
    ec2 = aws.client("ec2")
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=made, CidrBlock="10.0.0.0/24")

    def states():
        vpcs, subnets = ec2.describe_vpcs()["Vpcs"], ec2.describe_subnets()["Subnets"]
        default = {vpc["State"] for vpc in vpcs if vpc["IsDefault"]} | {
            subnet["State"] for subnet in subnets if subnet["DefaultForAz"]
        }
        ours = {vpc["State"] for vpc in vpcs if not vpc["IsDefault"]} | {
            subnet["State"] for subnet in subnets if not subnet["DefaultForAz"]
        }
        return default, ours

    assert states() == ({"available"}, {"pending"})
    pending = [{"Name": "state", "Values": ["pending"]}]
    assert [vpc["VpcId"] for vpc in ec2.describe_vpcs(Filters=pending)["Vpcs"]] == [made]
    hurry()
    assert states() == ({"available"}, {"available"})


def nat_state(network, nat):
    return network.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"]


def test_a_nat_gateway_holds_what_it_stands_on_until_it_is_deleted(network, slow, hurry):
    """Its address, its subnet and the internet gateway are refused meanwhile."""
    hurry()
    address = network.address()
    slow()
    nat, _ = network.nat_gateway(AllocationId=address)
    assert nat_state(network, nat) == "pending"
    hurry()
    assert nat_state(network, nat) == "available"
    slow()
    network.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert nat_state(network, nat) == "deleting"
    ec2 = network.ec2
    with raises("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=address)
    with raises("DependencyViolation"):
        ec2.delete_subnet(SubnetId=network.subnets[0])
    with raises("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    hurry()
    eventually(lambda: nat_state(network, nat) == "deleted")
    ec2.release_address(AllocationId=address)
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_a_gateway_endpoint_keeps_its_vpc_while_it_is_deleted(network, slow, hurry):
    hurry()
    ec2, table = network.ec2, network.route_table()
    slow()
    asked = {"VpcId": network.vpc, "ServiceName": "com.amazonaws.us-west-2.s3", "RouteTableIds": [table]}
    endpoint = ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]
    assert endpoint["State"] == "pending"
    hurry()

    def found():
        listed = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])["VpcEndpoints"]
        return [one["State"] for one in listed]

    assert found() == ["available"]
    slow()
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint["VpcEndpointId"]])
    assert found() == ["deleting"]
    hurry()
    eventually(lambda: not found())
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert [route["DestinationCidrBlock"] for route in routes] == ["10.0.0.0/16"]


def test_an_instance_is_pending_runs_and_shuts_down(network, slow, hurry):
    """Until it is terminated, its interface keeps its subnet."""
    instance = network.instance()["InstanceId"]

    def state():
        return network.describe_instance(instance)["State"]["Name"]

    assert state() == "pending"
    hurry()
    eventually(lambda: state() == "running")
    slow()
    (change,) = network.ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")
    assert state() == "shutting-down"
    with raises("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[0])
    hurry()
    eventually(lambda: state() == "terminated")
    network.ec2.delete_subnet(SubnetId=network.subnets[0])


def test_a_load_balancer_is_provisioning_however_often_one_looks(balancer, slow, hurry):
    """And its interfaces outlive it: they keep the security group, and the internet gateway its VPC."""
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    hurry()
    eventually(lambda: not balancer.network.ec2.describe_network_interfaces()["NetworkInterfaces"])
    slow()
    balancer.arn = balancer.create()

    def state():
        return balancer.elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"]

    assert [state() for _ in range(3)] == ["provisioning"] * 3
    hurry()
    assert state() == "active"
    eventually(lambda: balancer.network.ec2.describe_network_interfaces()["NetworkInterfaces"])
    slow()
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    assert balancer.elb.describe_load_balancers()["LoadBalancers"] == []
    ec2, network = balancer.network.ec2, balancer.network
    with raises("DependencyViolation"):
        ec2.delete_security_group(GroupId=network.group)
    with raises("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    hurry()
    eventually(lambda: _gone(lambda: ec2.delete_security_group(GroupId=network.group)))


def _gone(deed):
    try:
        deed()
    except Exception as error:
        if "DependencyViolation" in str(error):
            return False
        raise
    return True


def test_a_group_starts_pending_instances_and_takes_time_to_go(web, slow, hurry):
    """It launches no more than it wants, registers them when they are in service, and says that it is deleted."""
    web.create()

    def states():
        return {one["LifecycleState"] for one in web.group()["Instances"]}

    time.sleep(0.5)  # some beats of the heart, in which a second pair would be launched
    assert (len(web.members()), states(), web.targets()) == (2, {"Pending"}, {})
    assert "Status" not in web.group()
    hurry()
    eventually(lambda: states() == {"InService"} and len(web.targets()) == 2)
    slow()
    web.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert web.group()["Status"] == "Delete in progress"
    assert web.targets() == {}
    hurry()
    eventually(lambda: not web.asg.describe_auto_scaling_groups()["AutoScalingGroups"])


def test_a_target_is_checked_before_it_is_healthy(web, slow, hurry):
    hurry()
    web.create()
    web.elb.deregister_targets(TargetGroupArn=web.target_group, Targets=[{"Id": name} for name in web.members()])
    slow()
    web.elb.register_targets(TargetGroupArn=web.target_group, Targets=[{"Id": name} for name in web.members()])
    (described, _) = web.elb.describe_target_health(TargetGroupArn=web.target_group)["TargetHealthDescriptions"]
    told = described["TargetHealth"]
    assert (told["State"], told["Reason"]) == ("initial", "Elb.RegistrationInProgress")
    hurry()
    assert set(web.targets().values()) == {"healthy"}


def test_a_database_is_on_its_way_for_everything(network, slow, hurry):
    """Created, modified, rebooted, deleted: meanwhile it has no endpoint, takes no change, and keeps its groups."""
    database = Database(network)
    found = database.create()
    assert (found["DBInstanceStatus"], "Endpoint" in found) == ("creating", False)
    with raises("InvalidDBInstanceState"):
        database.modify(BackupRetentionPeriod=3)
    with raises("InvalidDBInstanceState"):
        database.delete(SkipFinalSnapshot=False, FinalDBSnapshotIdentifier="last")
    hurry()
    assert database.described()["DBInstanceStatus"] == "available"
    slow()
    assert database.modify(BackupRetentionPeriod=3)["DBInstanceStatus"] == "modifying"
    hurry()
    slow()
    database.rds.reboot_db_instance(DBInstanceIdentifier="app")
    assert database.described()["DBInstanceStatus"] == "rebooting"
    hurry()
    slow()
    database.delete(SkipFinalSnapshot=False, FinalDBSnapshotIdentifier="last")
    assert database.described()["DBInstanceStatus"] == "deleting"
    with raises("InvalidDBInstanceState"):
        database.delete()
    with raises("InvalidDBSubnetGroupStateFault"):
        database.rds.delete_db_subnet_group(DBSubnetGroupName="app")
    with raises("InvalidDBParameterGroupState"):
        database.rds.delete_db_parameter_group(DBParameterGroupName="app")
    hurry()
    eventually(lambda: not database.rds.describe_db_instances()["DBInstances"])
    assert [one["DBSnapshotIdentifier"] for one in database.rds.describe_db_snapshots()["DBSnapshots"]] == ["last"]
    database.rds.delete_db_subnet_group(DBSubnetGroupName="app")


def test_a_protected_database_is_refused_at_once(network, slow):
    """Not at the end of its time."""
    database = Database(network)
    database.create(DeletionProtection=True)
    with raises("InvalidParameterCombination"):
        database.delete()
    assert database.described()["DBInstanceStatus"] == "creating"


def test_a_replication_group_is_created_and_deleted(slow, hurry, aws):
    caches = aws.client("elasticache")
    asked = {"ReplicationGroupId": "sessions", "ReplicationGroupDescription": "s", "CacheNodeType": "cache.t4g.micro"}
    caches.create_replication_group(**asked, Engine="valkey", NumCacheClusters=1)

    def state():
        return [one["Status"] for one in caches.describe_replication_groups()["ReplicationGroups"]]

    assert state() == ["creating"]
    with raises("InvalidReplicationGroupState"):
        caches.delete_replication_group(ReplicationGroupId="sessions")
    hurry()
    eventually(lambda: state() == ["available"])
    slow()
    caches.delete_replication_group(ReplicationGroupId="sessions")
    assert state() == ["deleting"]
    hurry()
    eventually(lambda: state() == [])


def test_a_certificate_is_validated_once_acm_has_found_its_records(slow, hurry, aws):
    """One whose records are there already is issued at once."""
    route53, acm = aws.client("route53"), aws.client("acm")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="test")["HostedZone"]["Id"]
    arn = request(acm)
    for option in detail(acm, arn)["DomainValidationOptions"]:
        validate(aws, zone, option["ResourceRecord"])
    assert detail(acm, arn)["Status"] == "PENDING_VALIDATION"
    hurry()
    assert detail(acm, arn)["Status"] == "ISSUED"


def test_a_deployment_takes_its_time_on_each_instance(slow, hurry, aws):
    """One event after the other, none of them done before its share is over."""
    hurry()
    deploy = Deploy(aws)
    deploy.create_group()
    slow()
    deployment = deploy.deploy()

    def events():
        ids = deploy.cd.list_deployment_targets(deploymentId=deployment)["targetIds"]
        found = [deploy.cd.get_deployment_target(deploymentId=deployment, targetId=one) for one in ids]
        targets = [one["deploymentTarget"]["instanceTarget"] for one in found]
        return [[event["status"] for event in target["lifecycleEvents"]] for target in targets]

    eventually(lambda: any("InProgress" in states for states in events()))
    assert not any("Succeeded" in states for states in events())
    hurry()
    assert deploy.ended(deployment)["status"] == "Succeeded"


def test_an_answer_comes_as_late_as_the_pace_says(aws, network):
    """Of what AWS has made, or removed, when it answers; other calls are answered meanwhile, refusals at once."""
    try:
        aws.control("pace", 0.3)
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            made = pool.submit(network.security_group, "db")
            eventually(lambda: len(network.ec2.describe_security_groups()["SecurityGroups"]) == 4)
            with raises("InvalidGroup.Duplicate"):
                network.security_group("db")
            assert not made.done()
            assert made.result().startswith("sg-")
        assert 0.9 <= time.monotonic() - began <= 15  # a busy machine adds some
    finally:
        aws.control("pace", AT_ONCE)


def test_an_answer_that_is_held_back_is_hurried_too(slow, hurry, aws):
    """It takes ten seconds otherwise."""
    ec2 = aws.client("ec2")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(ec2.create_internet_gateway)
        eventually(lambda: ec2.describe_internet_gateways()["InternetGateways"])
        assert not made.done()
        hurry()
        assert made.result(timeout=3)


def test_what_is_on_its_way_takes_as_long_as_the_pace_says(aws, network):
    """Not a moment less; how much more depends on how busy the machine is. At AWS's pace it is 110 s."""
    try:
        aws.control("pace", 0.01)
        began = time.monotonic()
        nat, _ = network.nat_gateway()
        assert nat_state(network, nat) == "pending"
        eventually(lambda: nat_state(network, nat) == "available", within=50)
        assert 1.0 <= time.monotonic() - began <= 55.0
    finally:
        aws.control("pace", AT_ONCE)


def test_a_first_look_is_of_an_account_at_no_pace(balancer, network):
    """Everything is ready at once unless somebody has asked for more."""
    nat, _ = network.nat_gateway()
    assert nat_state(network, nat) == "available"
    assert network.instance()["State"]["Name"] == "running"
    network.ec2.delete_nat_gateway(NatGatewayId=nat)
    assert nat_state(network, nat) == "deleted"
