"""Lost instances and zones, and databases that fail over, as the account shows them."""

import pytest

from embedded_aws.testing import eventually
from runbook_lib.errors import WrongUsage
from services.database import Database
from services.errors import raises

A, B = "us-west-2a", "us-west-2b"


def statuses(web):
    """Return EC2's status checks, by instance."""
    found = web.ec2.describe_instance_status()["InstanceStatuses"]
    return {one["InstanceId"]: (one["InstanceStatus"]["Status"], one["SystemStatus"]["Status"]) for one in found}


def causes(web):
    found = web.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    return [activity["Cause"] for activity in found]


def test_capacity_leaves_a_lost_zone_and_returns_with_it(web, day):
    """As fast as status checks fail."""
    web.create()
    (gone,) = [name for name, zone in web.members().items() if zone == A]
    assert day.ask("POST", "fail-zone", {"zone": A}) == {"zone": A, "instances": [gone], "killed": []}
    assert web.targets()[gone] == "unhealthy"
    eventually(lambda: gone not in web.members() and web.zones() == ["b", "b"])
    assert any("in response to an EC2 instance status checks failure" in cause for cause in causes(web))
    failed = [activity for activity in web.activities() if "Status Reason" in activity]
    assert failed == [
        "Launching a new EC2 instance.  Status Reason: We currently do not have sufficient t4g.micro capacity in the "
        "Availability Zone you requested (us-west-2a). Our system will be working on provisioning additional capacity. "
        "You can currently get t4g.micro capacity by not specifying an Availability Zone in your request or choosing "
        "us-west-2b, us-west-2c, us-west-2d. Launching EC2 instance failed."
    ]
    day.ask("POST", "restore")
    eventually(lambda: web.zones() == ["a", "b"])


def test_a_balanced_only_group_waits_for_its_zone(web, day):
    """Half of its capacity is missing until the zone is back."""
    web.create(AvailabilityZoneDistribution={"CapacityDistributionStrategy": "balanced-only"})
    day.ask("POST", "fail-zone", {"zone": A})
    eventually(lambda: web.zones() == ["b"] and any("Status Reason" in one for one in web.activities()))
    assert web.group()["DesiredCapacity"] == 2
    assert web.zones() == ["b"]
    day.ask("POST", "restore")
    eventually(lambda: web.zones() == ["a", "b"])


def test_nothing_is_launched_into_a_lost_zone(web, day):
    """Neither by a launch, nor by the start of a stopped instance."""
    web.create()
    (stopped,) = [name for name, zone in web.members().items() if zone == A]
    web.asg.suspend_processes(AutoScalingGroupName="web")
    web.ec2.stop_instances(InstanceIds=[stopped])
    day.ask("POST", "fail-zone", {"zone": A})
    with raises("InsufficientInstanceCapacity", A):
        web.ec2.start_instances(InstanceIds=[stopped])
    launch = {"ImageId": web.image, "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1}
    with raises("InsufficientInstanceCapacity", A):
        web.ec2.run_instances(**launch, SubnetId=web.subnets[0])
    assert web.ec2.run_instances(**launch, SubnetId=web.subnets[1])["Instances"]


def test_a_lost_instance_is_impaired_and_replaced(web, day):
    """A random one of the group; the others stay."""
    web.create()
    before = set(web.members())
    lost = day.ask("POST", "kill-instance", {"instance": "any"})["instance"]
    assert lost in before
    assert web.targets()[lost] == "unhealthy"
    eventually(lambda: statuses(web).get(lost, ("impaired",) * 2) == ("impaired", "impaired"))
    eventually(lambda: len(web.members()) == 2 and lost not in web.members())
    assert before - {lost} < set(web.members())
    assert web.zones() == ["a", "b"]
    assert set(web.targets().values()) == {"healthy"}


def test_a_lost_instance_recovers_after_stop_and_start(web, day):
    """They move it to another host, as on AWS."""
    web.create()
    web.asg.suspend_processes(AutoScalingGroupName="web")
    lost = day.ask("POST", "kill-instance", {"instance": min(web.members())})["instance"]
    eventually(lambda: statuses(web)[lost] == ("impaired", "impaired"))
    web.ec2.stop_instances(InstanceIds=[lost])
    web.ec2.start_instances(InstanceIds=[lost])
    assert statuses(web)[lost] == ("ok", "ok")
    assert day.ask("GET", "faults")["instances"] == []


def test_only_what_exists_can_be_lost(day):
    """The error names what exists."""
    with pytest.raises(WrongUsage, match=r"no zone 'us-west-2z'[\s\S]*us-west-2a, us-west-2b"):
        day.ask("POST", "fail-zone", {"zone": "us-west-2z"})
    with pytest.raises(WrongUsage, match="no instance 'i-1' is running"):
        day.ask("POST", "kill-instance", {"instance": "i-1"})
    with pytest.raises(WrongUsage, match="no Auto Scaling group has an instance"):
        day.ask("POST", "kill-instance", {"instance": "any"})
    with pytest.raises(WrongUsage, match="no database 'app'"):
        day.ask("POST", "fail-over", {"database": "app"})
    with pytest.raises(WrongUsage, match="the request names no zone"):
        day.ask("POST", "fail-zone")


def test_a_lost_database_is_deleted_without_a_final_snapshot_only(network, day):
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html (SkipFinalSnapshot)."""
    database = Database(network)
    database.create(AvailabilityZone=A)
    day.ask("POST", "fail-zone", {"zone": A})
    eventually(lambda: database.described()["DBInstanceStatus"] == "failed")
    with raises("InvalidDBInstanceState", "Cannot create a snapshot"):
        database.delete(SkipFinalSnapshot=False, FinalDBSnapshotIdentifier="last")
    database.delete()
    assert database.rds.describe_db_instances()["DBInstances"] == []


@pytest.fixture
def database(network):
    return Database(network)


def where(database):
    found = database.described()
    return found["DBInstanceStatus"], found["AvailabilityZone"], found.get("SecondaryAvailabilityZone")


def events(database):
    """Return the messages of the database's events."""
    found = database.rds.describe_events(SourceIdentifier="app", SourceType="db-instance")["Events"]
    made = {"DB instance created", "Backing up DB instance", "Finished DB instance backup"}
    return [event["Message"] for event in found if event["Message"] not in made]


FAILED_OVER = [
    "Multi-AZ instance failover started.",
    "DB instance restarted",
    "Multi-AZ instance failover completed",
]


def test_a_database_of_two_zones_fails_over_and_stays_there(database, day):
    """The endpoint stays the same; RDS does not fail back by itself."""
    before = database.create(MultiAZ=True)
    assert where(database) == ("available", A, B)
    day.ask("POST", "fail-zone", {"zone": A})
    eventually(lambda: where(database) == ("available", B, A) and len(events(database)) == 4)
    assert events(database) == [
        *FAILED_OVER,
        "The primary host of the RDS Multi-AZ instance is unreachable due to loss of network connectivity.",
    ]
    assert database.described()["Endpoint"] == before["Endpoint"]
    day.ask("POST", "restore")
    assert where(database) == ("available", B, A)


def test_a_single_zone_database_is_unavailable_until_its_zone_is_back(database, day):
    database.create()
    day.ask("POST", "fail-zone", {"zone": A})
    eventually(lambda: where(database)[0] == "failed")
    day.ask("POST", "restore")
    eventually(lambda: events(database)[-1] == "Recovery of the DB instance is complete.")
    assert where(database)[0] == "available"


def test_a_database_with_both_zones_lost_is_unavailable(database, day):
    database.create(MultiAZ=True)
    day.ask("POST", "fail-zone", {"zone": B})
    with raises("InvalidDBInstanceState", "standby"):
        database.rds.reboot_db_instance(DBInstanceIdentifier="app", ForceFailover=True)
    day.ask("POST", "fail-zone", {"zone": A})
    eventually(lambda: where(database)[0] == "failed")


def test_a_requested_failover_swaps_the_zones(database, day):
    """By the command and by RDS's own call, there and back."""
    database.create(MultiAZ=True)
    assert day.ask("POST", "fail-over", {"database": "app"}) == {"database": "app", "from": A, "to": B}
    eventually(lambda: where(database) == ("available", B, A) and len(events(database)) == 4)
    database.rds.reboot_db_instance(DBInstanceIdentifier="app", ForceFailover=True)
    eventually(lambda: where(database) == ("available", A, B) and len(events(database)) == 8)
    assert events(database) == [*FAILED_OVER, "The user requested a failover of the DB instance."] * 2


def test_there_is_no_failover_in_a_single_zone(database, day):
    """The error is RDS's, for both calls."""
    database.create()
    with raises("InvalidParameterCombination", "ForceFailover cannot be specified"):
        database.rds.reboot_db_instance(DBInstanceIdentifier="app", ForceFailover=True)
    with pytest.raises(WrongUsage, match="InvalidParameterCombination: ForceFailover cannot be specified"):
        day.ask("POST", "fail-over", {"database": "app"})
    assert where(database) == ("available", A, None)
