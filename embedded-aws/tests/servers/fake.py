"""A private server that runs scripts of a test."""

import sys

from embedded_aws.servers.ca import CertificateAuthority
from embedded_aws.servers.processes import ChildProcesses
from embedded_aws.servers.server import PrivateServer

ANSWERS = "open('up', 'w'); import time; time.sleep(60)"
SILENT = "import time; time.sleep(60)"
PORT_TAKEN = "print('the address is already in use')"


class Fake(PrivateServer):
    """It is ready once a file `up` exists."""

    kind, start_seconds, poll_seconds, temporary_files = "fake", 30, 0.01, ("password",)

    def __init__(self, folder):
        super().__init__(folder, CertificateAuthority(folder / "authority"), ChildProcesses().start)
        self._data.mkdir()
        self.ports = []

    def run(self, *scripts):
        """Start it, with one script for each attempt."""
        left = iter(scripts)

        def command(port):
            self.ports.append(port)
            (self.folder / "password").write_text("secret")
            return [sys.executable, "-c", next(left)]

        self._start(command)

    def _is_ready(self, port):
        return (self._data / "up").exists()
