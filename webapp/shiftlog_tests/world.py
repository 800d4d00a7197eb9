"""What the infrastructure gives an instance: the parameter, the secrets, a database; and instances that use them."""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pymysql
import requests
from flask import Flask

from runbook_lib.stacks.application.server.tools import RIGHTS
from tests.support.processes import Process, free_port
from tests.support.servers import Authority, MariaDB, Redis

WEBAPP = Path(__file__).resolve().parents[1]
REGION = "us-west-2"


@dataclass
class World:
    """One environment: its own database, user and secrets, on servers that others may share."""

    endpoint: str
    database: MariaDB
    authority: Authority
    cache: Redis | None = None
    name: str = field(default_factory=lambda: f"w{secrets.token_hex(5)}")

    def __post_init__(self) -> None:
        self.keep("session", key=secrets.token_hex(32))
        self.keep("app", username=self.user, password=f"First-1-{secrets.token_hex(8)}")
        self.configure()

    @property
    def user(self) -> str:
        """The application's own user."""
        return f"{self.name}_app"

    @property
    def environ(self) -> dict[str, str]:
        """What user data writes to instance.env, and where AWS is."""
        return {
            "AWS_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "WEBAPP_CONFIG": f"/{self.name}/config",
            "INSTANCE_ID": "i-0123456789abcdef0", "ZONE": "us-west-2a",
        }  # fmt: skip

    def aws(self, service: str) -> Any:
        """A client of our own."""
        return boto3.client(
            service, REGION, endpoint_url=self.endpoint, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def configure(self, **changes: Any) -> None:
        """Write the configuration, as notebooks do; ``changes`` go over what is usual."""
        ca = str(self.authority.ca)
        database = {
            "host": "127.0.0.1", "port": self.database.port, "name": self.name, "tls": True, "tls_ca": ca,
            "app_secret": f"{self.name}/app",
        }  # fmt: skip
        cache = {"host": "127.0.0.1", "port": self.cache.port, "tls": True, "tls_ca": ca} if self.cache else None
        usual = {"database": database, "cache": cache, "session_secret": f"{self.name}/session", "public_url": None}
        text = json.dumps({**usual, **changes})
        self.aws("ssm").put_parameter(Name=f"/{self.name}/config", Type="String", Value=text, Overwrite=True)

    def keep(self, name: str, **value: str) -> None:
        """Make a secret, or give it a new value."""
        client, key, text = self.aws("secretsmanager"), f"{self.name}/{name}", json.dumps(value)
        try:
            client.create_secret(Name=key, SecretString=text)
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=key, SecretString=text)

    def secret(self, name: str) -> dict[str, str]:
        """What a secret holds now."""
        found = self.aws("secretsmanager").get_secret_value(SecretId=f"{self.name}/{name}")
        return dict(json.loads(found["SecretString"]))

    def give_user(self) -> None:
        """What the runbook's hooks do before ours: the application's own user, with all rights on its schema."""
        own = self.secret("app")
        self.database.run(f"CREATE DATABASE IF NOT EXISTS {self.name} CHARACTER SET utf8mb4")
        self.database.run("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", *own.values())
        self.database.run("ALTER USER %s@'%%' IDENTIFIED BY %s REQUIRE SSL", *own.values())
        self.database.run(f"GRANT {RIGHTS} ON {self.name}.* TO %s@'%%'", own["username"])

    def prepare(self) -> None:
        """What the release line does."""
        from shiftlog.aws import Aws
        from shiftlog.config import read
        from shiftlog.prepare import prepare
        from shiftlog.settings import load

        settings = load(self.environ)
        prepare(read(settings, Aws(settings)), Aws(settings))

    def app(self, **environ: str) -> Flask:
        """The application in this very process."""
        from shiftlog import create_app

        return create_app({**self.environ, **environ})

    def login(self) -> pymysql.Connection[Any]:
        """The application's user at the database, past the application."""
        own = self.secret("app")
        return pymysql.connect(
            host="127.0.0.1", port=self.database.port, database=self.name, ssl={"ca": str(self.authority.ca)},
            user=own["username"], password=own["password"],
        )  # fmt: skip

    def instance(self, folder: Path, **environ: str) -> Instance:
        """The application as an instance runs it."""
        folder.mkdir(parents=True, exist_ok=True)
        return Instance(folder, {**self.environ, **environ})


class Instance(Process):
    """gunicorn with the bundle's own settings."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEBAPP_"))}
        given = {**inherited, **environ, "PORT": str(port), "WEBAPP_ADDRESS": "127.0.0.1"}
        command = [sys.executable, "-m", "gunicorn", "--config", f"{WEBAPP}/gunicorn.conf.py", "shiftlog.wsgi:app"]
        super().__init__(command, folder, lambda: requests.get(f"{self.url}/healthz", timeout=5), given)
        self.start(cwd=WEBAPP)
