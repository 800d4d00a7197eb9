"""An embedded AWS of a test, whose databases are servers of this machine."""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import psutil
import pymysql

from embedded_aws.settings import MOTO_ENVIRONMENT
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import LocalAws, eventually
from services.database import CREATE

TESTS = Path(__file__).resolve().parents[2]
PATIENCE = 60


class Simulation:
    """One root; its emulator can be stopped, killed and started again."""

    def __init__(self, root, path=None):
        self.root, self.folder = root, root / ".runbook" / "local" / "databases"
        self._more = [] if path is None else ["--path", path]
        self.process = None

    def start(self):
        """Start it, and wait until it is ready."""
        command = [sys.executable, "-m", "servers.mysql.emulator", "--root", str(self.root), *self._more]
        with (self.root / "output").open("ab") as output:
            environment = {**os.environ, **MOTO_ENVIRONMENT}
            self.process = subprocess.Popen(command, cwd=TESTS, env=environment, stdout=output, stderr=output)
        address = eventually(self._address, PATIENCE)
        self.aws = LocalAws(self.root, address.connection)
        return self

    def _address(self):
        assert self.process.poll() is None, (self.root / "output").read_text()
        found = StateFolder(self.root).read_address()
        return found if found and found.process.pid == self.process.pid else None

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def kill(self):
        """Kill the emulator; the database servers keep running."""
        self.aws.control("save")
        self.process.kill()
        self.process.wait(PATIENCE)

    @property
    def rds(self):
        return self.aws.client("rds")

    def servers(self):
        """Return the server processes of this root."""
        return [one for one in psutil.process_iter() if str(self.folder) in " ".join(_command(one))]

    def report(self):
        """Return what `Databases` reports."""
        return self.aws.control("databases")

    def create(self, name="app", **changes):
        """Create a database, and wait until it is available."""
        sent = {**CREATE, "DBInstanceIdentifier": name, "DBName": "web", **changes}
        self.rds.create_db_instance(**sent)
        return self.available(name)

    def available(self, name="app"):
        eventually(lambda: self.described(name)["DBInstanceStatus"] == "available", PATIENCE)
        return self.described(name)

    def described(self, name="app"):
        return self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

    def status(self, name="app"):
        return self.described(name)["DBInstanceStatus"]

    def secret(self, name="app"):
        """Return the database's login from Secrets Manager."""
        arn = self.described(name)["MasterUserSecret"]["SecretArn"]
        found = self.aws.client("secretsmanager").get_secret_value(SecretId=arn)
        return json.loads(found["SecretString"])

    def connect(self, name="app", tls=True, **changes):
        """Connect as master user to the endpoint that RDS describes, and verify certificate and host name."""
        endpoint, secret = self.described(name)["Endpoint"], self.secret(name)
        context = ssl.create_default_context(cafile=str(self.folder / "authority" / "ca.pem"))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        given = {
            "host": endpoint["Address"], "port": endpoint["Port"], "user": secret["username"],
            "password": secret["password"], "ssl": context if tls else None, "ssl_disabled": not tls,
            "database": "web", "connect_timeout": 10, "autocommit": True,
        }  # fmt: skip
        return pymysql.connect(**{**given, **changes})

    def run(self, statement, name="app", **changes):
        """Run a statement as master user; return its result."""
        with self.connect(name, **changes) as link:
            return ask(link, statement)

    def files(self):
        """Return all files of databases."""
        walks = (os.walk(self.folder / part) for part in ("instances", "snapshots"))
        return [Path(folder) / name for walk in walks for folder, folders, names in walk for name in folders + names]


def ask(link, statement):
    with link.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []
