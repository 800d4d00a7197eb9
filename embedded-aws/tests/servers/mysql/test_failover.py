"""A game day for a real database: its server is away while its zone is, and restarts with all data as it fails over."""

from embedded_aws.client import control as door
from embedded_aws.testing import eventually
from servers.mysql.rehearsal import PATIENCE
from services.database import Database
from services.network import Network

A, B = "us-west-2a", "us-west-2b"


def test_a_server_follows_its_zone_and_keeps_its_data(rehearsal):
    Database(Network(rehearsal.aws))  # for its subnet group
    before = rehearsal.create(DBSubnetGroupName="app")
    rehearsal.run("CREATE TABLE mine (id int)")
    address = rehearsal.aws.address
    door.ask(address, "POST", "fail-zone", {"zone": A})
    eventually(lambda: not rehearsal.servers(), PATIENCE)
    assert rehearsal.described()["DBInstanceStatus"] == "failed"
    door.ask(address, "POST", "restore")
    assert rehearsal.available()["AvailabilityZone"] == A
    assert rehearsal.run("SHOW TABLES") == (("mine",),)

    rehearsal.rds.modify_db_instance(DBInstanceIdentifier="app", MultiAZ=True, ApplyImmediately=True)
    (first,) = rehearsal.servers()
    door.ask(address, "POST", "fail-over", {"database": "app"})
    assert rehearsal.described()["DBInstanceStatus"] == "rebooting"
    after = rehearsal.available()
    (second,) = rehearsal.servers()
    assert second.pid != first.pid
    assert (after["AvailabilityZone"], after["SecondaryAvailabilityZone"]) == (B, A)
    assert after["Endpoint"] == before["Endpoint"]
    assert rehearsal.run("SHOW TABLES") == (("mine",),)
