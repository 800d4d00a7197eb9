"""Lost hosts are killed, also after a restart of the emulator, and revived by `restore`."""

from threading import RLock
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from embedded_aws import services
from embedded_aws.faults.store import Faults
from embedded_aws.server.game_day import GameDay
from embedded_aws.settings import REGION
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import eventually
from services.auto_scaling_group import WebGroup

SESSION = boto3.session.Session(region_name=REGION)


class Hosts:
    """A fleet that records what is done to it."""

    def __init__(self, members):
        self.there = {name: SimpleNamespace(zone=zone) for name, zone in members.items()}
        self.up, self.killed, self.revived = set(self.there), [], []

    def hosts(self):
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
    services.install()
    with mock_aws():
        web = WebGroup(SimpleNamespace(client=SESSION.client))
        web.create()
        yield web


@pytest.fixture
def start(tmp_path):
    """Return a function that creates a game day of a server that has just started."""
    folder = StateFolder(tmp_path)
    folder.create()
    return lambda hosts: GameDay(RLock(), Faults(folder), lambda: None, hosts)


def test_the_hosts_of_a_lost_zone_are_killed(web, start):
    """Once, and none of the other zone."""
    hosts = Hosts(web.members())
    handlers = (day := start(hosts)).handlers()
    (gone,) = [name for name, zone in web.members().items() if zone == "us-west-2a"]
    assert handlers["POST fail-zone"]({"zone": "us-west-2a"})["killed"] == [gone]
    day.tick()
    assert hosts.killed == [gone]
    assert handlers["POST restore"](None)["revived"] == hosts.revived == [gone]


def test_a_lost_host_that_boots_is_killed_again(web, start):
    """A restarted emulator boots all hosts; lost ones are killed as soon as they have booted."""
    start(Hosts(web.members())).handlers()["POST fail-zone"]({"zone": "us-west-2a"})
    (gone,) = [name for name, zone in web.members().items() if zone == "us-west-2a"]
    hosts = Hosts(web.members())
    hosts.up.clear()
    day = start(hosts)
    day.tick()
    assert hosts.killed == []
    hosts.up.add(gone)
    day.tick()
    eventually(lambda: hosts.killed == [gone])
    day.tick()
    assert hosts.killed == [gone]


def test_the_host_of_a_killed_instance_is_killed(web, start):
    hosts = Hosts(web.members())
    killed = start(hosts).handlers()["POST kill-instance"]({"instance": "any"})
    assert (killed["killed"], hosts.killed) == (True, [killed["instance"]])


def test_restore_ends_the_faults_too(web, start):
    handlers = start(Hosts({})).handlers()
    handlers["POST faults"]({"service": "ec2", "operation": "*", "kind": "lost"})
    assert len(handlers["POST restore"](None)["faults"]) == 1
    assert handlers["GET faults"](None) == {"faults": [], "zones": [], "instances": []}
