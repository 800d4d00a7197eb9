"""A destroy names what others have put in its way before it deletes anything, and finishes from any state."""

from __future__ import annotations

import contextlib

import pytest

from embedded_aws.testing import eventually
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.orphans import require_nothing_in_the_way
from runbook_lib.errors import RequestRejected, StillNeeded
from tests.support.account_inventory import inventory
from tests.support.call_recorder import Killed, Wire
from tests.support.stack_runs import PARAMS, Runs, environment, with_sessions


class Site:
    """An environment as it stands, and others who use its network."""

    def __init__(self, aws, folder):
        self.aws, self.runs = aws, Runs(aws, folder, Wire())
        self.stacks = environment(with_sessions(), folder)
        self.runs.build(*self.stacks)
        self.ec2 = aws.client("ec2")
        seen = self.observed()
        self.ids = {resource.key: one.id for resource, one in seen.items() if one}

    def observed(self):
        engine = self.runs.engine()
        return {r: one for stack in self.stacks for r, one in engine.survey(stack, refresh=True).items()}

    def require_nothing_in_the_way(self):
        seen = self.observed()
        snapshot = Snapshot(self.runs.engine().aws)
        require_nothing_in_the_way(snapshot, {resource.key for resource in seen}, seen)

    def refused(self):
        with pytest.raises(StillNeeded) as raised:
            self.require_nothing_in_the_way()
        return str(raised.value)


@pytest.fixture(scope="module")
def site(aws_server, tmp_path_factory):
    aws_server.reset()
    return Site(aws_server, tmp_path_factory.mktemp("site"))


def an_interface(site):
    made = site.ec2.create_network_interface(
        SubnetId=site.ids["subnet.private-us-west-2a"],
        Groups=[site.ids["security_group.web"]],
        Description="AWS Lambda VPC ENI-report",
    )["NetworkInterface"]["NetworkInterfaceId"]
    yield f"network interface {made} (AWS Lambda VPC ENI-report, of "
    site.ec2.delete_network_interface(NetworkInterfaceId=made)


def an_instance(site):
    made = site.ec2.run_instances(
        ImageId=site.ec2.describe_images()["Images"][0]["ImageId"], MinCount=1, MaxCount=1, InstanceType="t3.micro",
        SubnetId=site.ids["subnet.private-us-west-2a"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "jenkins"}, OWNER]}],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    yield f"instance {made} (jenkins, of ann)"
    site.ec2.terminate_instances(InstanceIds=[made])


def a_security_group(site):
    made = site.ec2.create_security_group(
        GroupName="reporting", Description="reads the database", VpcId=site.ids["vpc.main"]
    )["GroupId"]
    ours = site.ids["security_group.web"]
    pairs = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": ours}]}]
    site.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=pairs)
    yield f"security group {made}, whose rules refer to {ours} (reads the database, of {PARAMS.account})"
    site.ec2.delete_security_group(GroupId=made)


def a_rule_of_the_default_group(site):
    """It goes with the VPC; but its rule keeps the group that it refers to."""
    groups = site.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [site.ids["vpc.main"]]}])
    (default,) = [one["GroupId"] for one in groups["SecurityGroups"] if one["GroupName"] == "default"]
    ours = site.ids["security_group.bastion"]
    pairs = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": ours}]}]
    site.ec2.authorize_security_group_ingress(GroupId=default, IpPermissions=pairs)
    yield f"security group {default}, whose rules refer to {ours}"
    site.ec2.revoke_security_group_ingress(GroupId=default, IpPermissions=pairs)


def a_subnet(site):
    vpc = site.ids["vpc.main"]
    made = site.ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.240.0/24")["Subnet"]["SubnetId"]
    yield f"subnet {made} ("
    site.ec2.delete_subnet(SubnetId=made)


def a_route_table(site):
    made = site.ec2.create_route_table(VpcId=site.ids["vpc.main"])["RouteTable"]["RouteTableId"]
    yield f"route table {made} ("
    site.ec2.delete_route_table(RouteTableId=made)


def an_endpoint(site):
    """As GuardDuty makes one for its runtime monitoring."""
    made = site.ec2.create_vpc_endpoint(
        VpcId=site.ids["vpc.main"], VpcEndpointType="Interface", ServiceName="com.amazonaws.us-west-2.guardduty-data",
        SubnetIds=[site.ids["subnet.private-us-west-2a"]],
        TagSpecifications=[
            {"ResourceType": "vpc-endpoint", "Tags": [{"Key": "GuardDutyManaged", "Value": "true"}]}
        ],
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    yield f"endpoint {made} (com.amazonaws.us-west-2.guardduty-data"
    site.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])


def a_nat_gateway(site):
    subnet = site.ids["subnet.private-us-west-2a"]
    made = site.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    yield f"NAT gateway {made} ("
    site.ec2.delete_nat_gateway(NatGatewayId=made)


def an_egress_only_gateway(site):
    made = site.ec2.create_egress_only_internet_gateway(VpcId=site.ids["vpc.main"])
    name = made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    yield f"egress-only internet gateway {name} (without a name, of {PARAMS.account})"
    site.ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=name)


def a_carrier_gateway(site):
    made = site.ec2.create_carrier_gateway(VpcId=site.ids["vpc.main"])["CarrierGateway"]["CarrierGatewayId"]
    yield f"carrier gateway {made} (without a name, of {PARAMS.account})"
    site.ec2.delete_carrier_gateway(CarrierGatewayId=made)


def a_vpn_gateway(site):
    made = site.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    site.ec2.create_tags(Resources=[made], Tags=[{"Key": "Name", "Value": "office"}, OWNER])
    site.ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=site.ids["vpc.main"])
    yield f"VPN gateway {made} (office, of ann)"
    site.ec2.detach_vpn_gateway(VpnGatewayId=made, VpcId=site.ids["vpc.main"])


def _a_peering(site, ours, theirs):
    ids = {ours: site.ids["vpc.main"], theirs: site.ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]}
    made = site.ec2.create_vpc_peering_connection(**ids)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    yield f"peering connection {made} (with {ids[theirs]}, of {PARAMS.account})"
    if theirs == "VpcId":
        site.ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=made)
    else:
        site.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
        assert made in site.refused()
        site.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=made)
    site.ec2.delete_vpc(VpcId=ids[theirs])


def a_peering_that_we_asked_for(site):
    yield from _a_peering(site, "VpcId", "PeerVpcId")


def a_peering_that_others_asked_for(site):
    yield from _a_peering(site, "PeerVpcId", "VpcId")


OWNER = {"Key": "Owner", "Value": "ann"}
OTHERS = (
    an_interface, an_instance, a_security_group, a_rule_of_the_default_group, a_subnet, a_route_table, an_endpoint,
    a_nat_gateway, an_egress_only_gateway, a_carrier_gateway, a_vpn_gateway, a_peering_that_we_asked_for,
    a_peering_that_others_asked_for,
)  # fmt: skip


def test_nothing_of_ours_is_in_the_way(site):
    """With a server that Auto Scaling has replaced, a cache, a database and all that AWS adds."""
    site.require_nothing_in_the_way()


SAMPLE = (an_interface, an_instance, a_rule_of_the_default_group, an_endpoint)


@pytest.mark.parametrize(
    "other",
    [each if each in SAMPLE else pytest.param(each, marks=pytest.mark.exhaustive) for each in OTHERS],
    ids=lambda other: other.__name__,
)
def test_what_others_have_made_is_named_with_its_owner(site, other):
    story = other(site)
    named = next(story)
    told = site.refused()
    assert f"- {named}" in told
    assert "Ask whoever owns what is not this environment's" in told
    with pytest.raises(StopIteration):
        next(story)
    eventually(lambda: site.require_nothing_in_the_way() or True)


@pytest.mark.exhaustive
def test_what_comes_into_its_way_later_is_named_when_it_is_met(aws, tmp_path):
    """The destroy finishes once it is gone."""
    runs, before = Runs(aws, tmp_path, Wire()), inventory(aws)
    net = environment(PARAMS, tmp_path)[0]
    vpc = type(net)("vpc", all=[net["vpc.main"]])
    runs.build(vpc)
    ec2, (seen,) = aws.client("ec2"), runs.engine().survey(vpc, refresh=True).values()
    made = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=made, VpcId=seen.id)
    with pytest.raises(RequestRejected, match=rf"It is still used by VPN gateway {made} \("):
        runs.remove(vpc)
    ec2.detach_vpn_gateway(VpnGatewayId=made, VpcId=seen.id)
    runs.remove(vpc)
    ec2.delete_vpn_gateway(VpnGatewayId=made)
    assert inventory(aws) == before


def test_two_of_our_groups_that_name_each_other_go(aws, tmp_path):
    """Somebody opened each to the other; EC2 deletes neither while a rule of the other names it."""
    runs = Runs(aws, tmp_path, Wire())
    before = inventory(aws)
    net = environment(PARAMS, tmp_path)[0]
    parts = type(net)("groups", all=[net["vpc.main"], net["security_group.web"], net["security_group.bastion"]])
    runs.build(parts)
    ids = {resource.key: seen.id for resource, seen in runs.engine().survey(parts, refresh=True).items()}
    ec2, (one, other) = aws.client("ec2"), (ids["security_group.web"], ids["security_group.bastion"])
    for group, pair in ((one, other), (other, one)):
        rule = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": pair}]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=rule)
    runs.remove(parts)
    assert inventory(aws) == before


WRITES = (41,)


@pytest.mark.parametrize(
    "writes", [n if n in WRITES else pytest.param(n, marks=pytest.mark.exhaustive) for n in range(1, 140)]
)
def test_a_destroy_of_what_an_apply_has_left_leaves_nothing(aws, tmp_path, writes):
    """The apply was killed after so many writes; later numbers than it has find it complete."""
    runs, sent = Runs(aws, tmp_path, Wire()), []
    stacks, before = environment(with_sessions(), tmp_path), inventory(aws)

    def kill(write, carry):
        answer = carry()
        sent.append(write)
        if len(sent) == writes:
            raise Killed
        return answer

    runs.wire.fault = kill
    with contextlib.suppress(Killed):
        for stack in stacks:
            engine = runs.engine()
            engine.apply(stack)
            engine.wait_until_ready(stack, engine.survey(stack))
    runs.wire.fault = Wire().fault
    engine = runs.engine()
    seen = {resource: one for stack in stacks for resource, one in engine.survey(stack, refresh=True).items()}
    require_nothing_in_the_way(Snapshot(engine.aws), {resource.key for resource in seen}, seen)
    runs.remove(*stacks)
    assert inventory(aws) == before


def test_locked_evidence_is_named(aws, tmp_path):
    """Evidence was kept in the bucket once; nobody deletes it before its day."""
    runs = Runs(aws, tmp_path, Wire())
    raw = PARAMS.model_dump(mode="json")
    locking = type(PARAMS).model_validate(
        raw | {"evidence": {"store": "bucket", "object_lock": {"mode": "GOVERNANCE", "days": 9}}}
        | {"guards": raw["guards"] | {"keep_bucket": True}}
    )  # fmt: skip
    net = environment(locking, tmp_path)[0]
    runs.build(type(net)("bucket", all=[net["bucket.runbook"]]))
    bucket, s3 = f"local-runbook-{PARAMS.account}-{PARAMS.region}", aws.client("s3")
    s3.put_object(Bucket=bucket, Key="evidence/free.zip", Body=b"1")
    s3.put_object(
        Bucket=bucket, Key="evidence/kept.zip", Body=b"1", ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate="2999-01-01T00:00:00Z",
    )  # fmt: skip
    now = environment(PARAMS, tmp_path)[0]["bucket.runbook"]
    engine = runs.engine()
    seen = engine.survey([now], refresh=True)
    with pytest.raises(StillNeeded) as raised:
        require_nothing_in_the_way(Snapshot(engine.aws), {now.key}, seen)
    assert f"- object s3://{bucket}/evidence/kept.zip (locked until 2999-01-01 00:00 UTC)" in str(raised.value)
    assert "free.zip" not in str(raised.value)
