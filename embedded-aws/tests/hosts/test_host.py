"""A machine's place on the laptop: its port, its disk, its logs."""

import socket

import pytest

from embedded_aws.hosts.host import LOG_BYTES, PORTS, Machine, port_of


@pytest.fixture
def machine(tmp_path):
    machine = Machine("i-1", "us-west-2a", tmp_path / "i-1", port_of(tmp_path / "i-1", []))
    machine.create()
    return machine


def test_a_port_is_kept_over_a_restart(machine):
    """What was written down somewhere, such as a bookmark, stays right."""
    assert port_of(machine.folder, []) == machine.port
    assert machine.port in PORTS


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_left_to_its_owner(machine, address):
    """Another program of the operator's goes on undisturbed, wherever it listens."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((address, machine.port))
        other.listen()
        assert port_of(machine.folder, []) != machine.port


def test_two_machines_have_two_ports(machine, tmp_path):
    """Also before either of them listens."""
    assert port_of(machine.folder, [machine.port]) != machine.port


def test_the_disk_is_the_machines_own(machine):
    """Paths are inside of its root, whatever they say."""
    assert machine.path("/etc/webapp") == machine.root.resolve() / "etc" / "webapp"
    with pytest.raises(ValueError, match="outside"):
        machine.path("/../../etc")


def test_logs_do_not_fill_the_laptop(machine):
    """A health check four times a second writes much in a week; what writes goes on at the start of the file."""
    with machine.log.open("a") as writer:
        writer.write("x" * (LOG_BYTES + 1))
        writer.flush()
        machine.trim_logs()
        writer.write("last\n")
    assert machine.log.read_text() == "last\n"
    machine.trim_logs()
    assert machine.log.read_text() == "last\n"
