"""The endpoint of a private server is the same at each start; where it cannot be, the status says so."""

import socket
from contextlib import contextmanager
from threading import RLock
from types import SimpleNamespace

from embedded_aws.ports import PORTS
from embedded_aws.servers.servers import PrivateServers


class Servers(PrivateServers):
    """One server that never starts."""

    folder_name, starting_state, not_installed = "servers", "starting", "none is installed"

    def _find_programs(self, path):
        return SimpleNamespace(title="Fake 1.0")

    def _resources(self):
        return {"one": SimpleNamespace(status="available")}

    def _create_supervisor(self, folder, one):
        return SimpleNamespace(port=None, reason="", stop=lambda: None, join=lambda: None)

    def _sync(self, identity, one):
        self._ensure_server(identity, one)
        return False

    def _remove_server(self, supervisor, identity):
        raise AssertionError("nothing is removed in these tests")

    def status(self):
        return self._status("one", "available", "one")


@contextmanager
def started(folder):
    servers = Servers(RLock(), folder)
    servers.start()
    try:
        yield servers.status()
    finally:
        servers.stop()


def test_an_endpoint_is_the_same_after_a_restart(tmp_path):
    """Its port is not one that the system gives to outgoing connections."""
    with started(tmp_path) as first:
        assert first.what == "Fake 1.0, a private server of this machine"
    with started(tmp_path) as second:
        assert second == first
    assert int(first.endpoint.partition(":")[2]) in PORTS


def test_the_status_says_that_a_port_was_taken(tmp_path):
    """The application has the old one until the next apply; after the next start, the status is as usual."""
    with started(tmp_path) as first:
        port = int(first.endpoint.partition(":")[2])
    with socket.create_server(("127.0.0.1", port)), started(tmp_path) as second:
        assert second.endpoint != first.endpoint
        assert f"port {port} was taken" in second.what
    with started(tmp_path) as third:
        assert (third.endpoint, third.what) == (second.endpoint, first.what)
