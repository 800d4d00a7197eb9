"""An embedded AWS of a test, whose caches are servers of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import redis

from embedded_aws.settings import MOTO_ENVIRONMENT
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import LocalAws, eventually

TESTS = Path(__file__).resolve().parents[2]
PATIENCE = 60
TOKEN = "a-token-that-is-long-enough"


class Simulation:
    """One root and its emulator."""

    def __init__(self, root):
        self.root, self.folder = root, root / ".runbook" / "local" / "caches"
        command = [sys.executable, "-m", "servers.valkey.emulator", "--root", str(root)]
        with (root / "output").open("ab") as output:
            environment = {**os.environ, **MOTO_ENVIRONMENT}
            self.process = subprocess.Popen(command, cwd=TESTS, env=environment, stdout=output, stderr=output)
        self.aws = LocalAws(root, eventually(self._address, PATIENCE).connection)

    def _address(self):
        assert self.process.poll() is None, (self.root / "output").read_text()
        return StateFolder(self.root).read_address()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    @property
    def elasticache(self):
        return self.aws.client("elasticache")

    def create(self, name="sessions", **changes):
        """Create a replication group, and wait until it is available."""
        sent = {"Engine": "valkey", "EngineVersion": "8.0", "CacheNodeType": "cache.t4g.micro", "NumCacheClusters": 2}
        sent |= {"AutomaticFailoverEnabled": True, "TransitEncryptionEnabled": True}
        request = {"ReplicationGroupId": name, "ReplicationGroupDescription": name, **sent, **changes}
        self.elasticache.create_replication_group(**request)
        return self.available(name)

    def available(self, name="sessions"):
        eventually(lambda: self.described(name)["Status"] == "available", PATIENCE)
        return self.described(name)

    def described(self, name="sessions"):
        return self.elasticache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]

    def endpoint(self, name="sessions", kind="PrimaryEndpoint"):
        return self.described(name)["NodeGroups"][0][kind]

    def modify(self, name="sessions", **changes):
        self.elasticache.modify_replication_group(ReplicationGroupId=name, ApplyImmediately=True, **changes)
        return self.available(name)

    def connect(self, name="sessions", tls=True, password=None, endpoint=None):
        """Connect to the endpoint that ElastiCache describes, and verify certificate and host name."""
        there = endpoint or self.endpoint(name)
        trust = {"ssl": True, "ssl_ca_certs": str(self.folder / "authority" / "ca.pem")} if tls else {}
        return redis.Redis(
            host=there["Address"], port=there["Port"], password=password, socket_timeout=10, retry=None,
            decode_responses=True, **trust,
        )  # fmt: skip

    def opens(self, name="sessions", **how):
        """Whether it answers."""
        try:
            return self.connect(name, **how).ping()
        except redis.RedisError:
            return False

    def report(self):
        """Return what `Caches` reports."""
        return self.aws.control("caches")

    def servers(self):
        """Return the server processes of this root."""
        return [one for one in psutil.process_iter() if str(self.folder) in _folder(one)]

    def files(self):
        """Return all files of caches."""
        return list((self.folder / "caches").iterdir())


def _folder(process):
    try:
        return f"{process.cwd()} {' '.join(process.cmdline())}"
    except psutil.Error:
        return ""
