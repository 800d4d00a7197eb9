"""The machines of what is lost are killed, also after a restart of the emulator, and come back with `restore`."""

from threading import RLock
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from embedded_aws import services as overlays
from embedded_aws.faults.store import Faults
from embedded_aws.server.game_day import GameDay
from embedded_aws.settings import REGION
from embedded_aws.state_folder import Folder
from embedded_aws.testing import eventually
from services.auto_scaling_group import WebGroup

SESSION = boto3.session.Session(region_name=REGION)


class Machines:
    """A fleet that writes down what is done to it."""

    def __init__(self, members):
        self.there = {name: SimpleNamespace(zone=zone) for name, zone in members.items()}
        self.up, self.killed, self.revived = set(self.there), [], []

    def machines(self):
        return self.there

    def booted(self, instance_id):
        return instance_id in self.up

    def kill(self, instance_id):
        self.killed.append(instance_id)
        return instance_id in self.there

    def revive(self, instance_id):
        self.revived.append(instance_id)
        return instance_id in self.there


@pytest.fixture
def web():
    """An account in this process."""
    overlays.install()
    with mock_aws():
        web = WebGroup(SimpleNamespace(client=SESSION.client))
        web.create()
        yield web


@pytest.fixture
def start(tmp_path):
    """A server that has just started, over machines."""
    folder = Folder(tmp_path)
    folder.create()
    return lambda machines: GameDay(RLock(), Faults(folder), lambda: None, machines)


def test_a_lost_zone_takes_its_machines_with_it(web, start):
    """Those of the other zone go on, and nothing is killed twice."""
    machines = Machines(web.members())
    asks = (day := start(machines)).asks()
    (gone,) = [name for name, zone in web.members().items() if zone == "us-west-2a"]
    assert asks["POST fail-zone"]({"zone": "us-west-2a"})["killed"] == [gone]
    day.tick()
    assert machines.killed == [gone]
    assert asks["POST restore"](None)["revived"] == machines.revived == [gone]


def test_what_boots_although_it_is_lost_is_killed_again(web, start):
    """A restarted emulator starts all machines: those of a lost zone are killed as soon as they are up."""
    start(Machines(web.members())).asks()["POST fail-zone"]({"zone": "us-west-2a"})
    (gone,) = [name for name, zone in web.members().items() if zone == "us-west-2a"]
    machines = Machines(web.members())
    machines.up.clear()
    day = start(machines)
    day.tick()
    assert machines.killed == []
    machines.up.add(gone)
    day.tick()
    eventually(lambda: machines.killed == [gone])
    day.tick()
    assert machines.killed == [gone]


def test_a_killed_instance_loses_its_machine(web, start):
    machines = Machines(web.members())
    killed = start(machines).asks()["POST kill-instance"]({"instance": "any"})
    assert (killed["killed"], machines.killed) == (True, [killed["instance"]])


def test_restore_ends_the_faults_too(web, start):
    asks = start(Machines({})).asks()
    asks["POST faults"]({"service": "ec2", "operation": "*", "kind": "lost"})
    assert len(asks["POST restore"](None)["faults"]) == 1
    assert asks["GET faults"](None) == {"faults": [], "zones": [], "instances": []}
