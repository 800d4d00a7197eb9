"""A host's port, disk and logs."""

import socket

import pytest

from embedded_aws.hosts.host import LOG_BYTES, PORTS, Host, choose_port


@pytest.fixture
def host(tmp_path):
    host = Host("i-1", "us-west-2a", tmp_path / "i-1", choose_port(tmp_path / "i-1", []))
    host.create()
    return host


def test_a_port_is_kept_over_a_restart(host):
    """So that bookmarks stay valid."""
    assert choose_port(host.folder, []) == host.port
    assert host.port in PORTS


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_not_used(host, address):
    """Whatever address the other program listens on."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((address, host.port))
        other.listen()
        assert choose_port(host.folder, []) != host.port


def test_two_hosts_have_two_ports(host, tmp_path):
    """Also before either of them listens."""
    assert choose_port(host.folder, [host.port]) != host.port


def test_paths_are_inside_of_the_disk(host):
    """A path that leaves it is an error."""
    assert host.path("/etc/webapp") == host.root.resolve() / "etc" / "webapp"
    with pytest.raises(ValueError, match="outside"):
        host.path("/../../etc")


def test_large_logs_are_emptied(host):
    """Their writers continue at the start of the file."""
    with host.log.open("a") as writer:
        writer.write("x" * (LOG_BYTES + 1))
        writer.flush()
        host.trim_logs()
        writer.write("last\n")
    assert host.log.read_text() == "last\n"
    host.trim_logs()
    assert host.log.read_text() == "last\n"
