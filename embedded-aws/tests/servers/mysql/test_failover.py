"""A game day for a real database: its server stops while its zone is lost, and restarts with its data."""

from threading import Event, Thread

import pymysql
import pytest

from embedded_aws.client import control
from embedded_aws.testing import eventually
from servers.mysql.simulation import PATIENCE, ask
from services.database import Database
from services.network import Network

A, B = "us-west-2a", "us-west-2b"


@pytest.mark.exhaustive
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


class Writer:
    """An application that writes one row after the other, and connects anew when its connection is lost."""

    def __init__(self, simulation):
        self.simulation, self.over = simulation, Event()
        self.written, self.lost, self.since_loss = [], 0, 0
        self._thread = Thread(target=self._write)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        self._thread.join()

    def _write(self):
        link, number = None, 0
        while not self.over.wait(0.01):
            try:
                link = link or self.simulation.connect(connect_timeout=3)
                number += 1
                ask(link, f"INSERT INTO rows_written VALUES ({number})")
                self.written.append(number)
                self.since_loss += 1
            except pymysql.Error:
                self.lost, self.since_loss, link = self.lost + 1, 0, None


def test_an_application_goes_on_writing_after_a_failover(simulation):
    """Multi-AZ comes and goes in place; the interruption is short, and what was confirmed is there."""
    Database(Network(simulation.aws))
    before = simulation.create(DBSubnetGroupName="app")
    simulation.run("CREATE TABLE rows_written (number int)")
    (server,) = simulation.servers()
    simulation.rds.modify_db_instance(DBInstanceIdentifier="app", MultiAZ=True, ApplyImmediately=True)
    ready = simulation.available()
    assert [ready[name] for name in ("DbiResourceId", "Endpoint", "AvailabilityZone")] == [
        before[name] for name in ("DbiResourceId", "Endpoint", "AvailabilityZone")
    ]
    assert [one.pid for one in simulation.servers()] == [server.pid]
    with Writer(simulation) as writer:
        eventually(lambda: len(writer.written) > 20, PATIENCE)
        assert writer.lost == 0
        simulation.rds.reboot_db_instance(DBInstanceIdentifier="app", ForceFailover=True)
        eventually(lambda: writer.lost and writer.since_loss > 20, PATIENCE)
    after = simulation.available()
    assert (after["AvailabilityZone"], after["SecondaryAvailabilityZone"]) == (B, A)
    rows = {number for (number,) in simulation.run("SELECT number FROM rows_written")}
    assert rows >= set(writer.written)
    simulation.rds.modify_db_instance(DBInstanceIdentifier="app", MultiAZ=False, ApplyImmediately=True)
    single = simulation.available()
    assert not single["MultiAZ"]
    assert (single["AvailabilityZone"], single["DbiResourceId"]) == (B, before["DbiResourceId"])
    assert {number for (number,) in simulation.run("SELECT number FROM rows_written")} == rows
