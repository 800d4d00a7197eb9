"""The way to a private server is the same at each start, and where it cannot be, people are told."""

import socket
from contextlib import contextmanager
from threading import RLock
from types import SimpleNamespace

from embedded_aws.ports import PORTS
from embedded_aws.servers.servers import PrivateServers


class Servers(PrivateServers):
    """One, that nobody ever starts."""

    folder_name, starting_state, not_installed = "homes", "starting", "none is installed"

    def _find_programs(self, path):
        return SimpleNamespace(title="Fake 1.0")

    def _resources(self):
        return {"one": SimpleNamespace(status="available")}

    def _create_supervisor(self, folder, one):
        return SimpleNamespace(port=None, why="", stop=lambda: None, join=lambda: None)

    def _sync(self, identity, one):
        self._ensure_server(identity, one)
        return False

    def _remove_server(self, supervisor, identity):
        raise AssertionError("nothing is removed here")

    def told(self):
        """What people are told."""
        return self._status("one", "available", "one")


@contextmanager
def started(folder):
    found = Servers(RLock(), folder)
    found.start()
    try:
        yield found.told()
    finally:
        found.stop()


def test_an_endpoint_is_the_same_after_a_restart(tmp_path):
    """Its port is one that nobody is given by chance meanwhile."""
    with started(tmp_path) as first:
        assert first.what == "Fake 1.0, a private server of this machine"
    with started(tmp_path) as second:
        assert second == first
    assert int(first.endpoint.partition(":")[2]) in PORTS


def test_an_endpoint_whose_port_was_taken_is_told(tmp_path):
    """The application has the old one, until an apply; at the next start there is nothing to tell any more."""
    with started(tmp_path) as first:
        port = int(first.endpoint.partition(":")[2])
    with socket.create_server(("127.0.0.1", port)), started(tmp_path) as second:
        assert second.endpoint != first.endpoint
        assert f"port {port} was taken" in second.what
    with started(tmp_path) as third:
        assert (third.endpoint, third.what) == (second.endpoint, first.what)
