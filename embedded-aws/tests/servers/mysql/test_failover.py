"""A game day for a real database: its server stops while its zone is lost, and restarts with its data."""

from embedded_aws.client import control
from embedded_aws.testing import eventually
from servers.mysql.simulation import PATIENCE
from services.database import Database
from services.network import Network

A, B = "us-west-2a", "us-west-2b"


def test_a_server_follows_its_zone_and_keeps_its_data(simulation):
    Database(Network(simulation.aws))  # for its subnet group
    before = simulation.create(DBSubnetGroupName="app")
    simulation.run("CREATE TABLE mine (id int)")
    address = simulation.aws.address
    control.call(address, "POST", "fail-zone", {"zone": A})
    eventually(lambda: not simulation.servers(), PATIENCE)
    assert simulation.described()["DBInstanceStatus"] == "failed"
    control.call(address, "POST", "restore")
    assert simulation.available()["AvailabilityZone"] == A
    assert simulation.run("SHOW TABLES") == (("mine",),)

    simulation.rds.modify_db_instance(DBInstanceIdentifier="app", MultiAZ=True, ApplyImmediately=True)
    (first,) = simulation.servers()
    control.call(address, "POST", "fail-over", {"database": "app"})
    assert simulation.described()["DBInstanceStatus"] == "rebooting"
    after = simulation.available()
    (second,) = simulation.servers()
    assert second.pid != first.pid
    assert (after["AvailabilityZone"], after["SecondaryAvailabilityZone"]) == (B, A)
    assert after["Endpoint"] == before["Endpoint"]
    assert simulation.run("SHOW TABLES") == (("mine",),)
