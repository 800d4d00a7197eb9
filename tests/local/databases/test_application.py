"""The application, unchanged, works on a database of the rehearsal: it checks certificates, and trusts ours."""

import json
import os
import secrets
import ssl
import subprocess
import sys
from pathlib import Path

WEBAPP = Path(__file__).resolve().parents[3] / "webapp"

USE = """
import sys
from sqlalchemy import text
from shiftlog.aws import Aws
from shiftlog.config import read
from shiftlog.credentials import Credentials
from shiftlog.database import mysql_engine
from shiftlog.settings import load

settings = load()
aws = Aws(settings)
database = read(settings, aws).database
engine = mysql_engine(database, Credentials(lambda: aws.secret(database.app_secret)))
with engine.connect() as link:
    version = link.execute(text("SHOW STATUS LIKE 'Ssl_version'")).one()[1]
    print(version, link.execute(text("SELECT count(*) FROM entries")).scalar())
"""


def configure(rehearsal, name):
    """What the stacks write: the configuration, with the endpoint that RDS describes, and the application's secrets."""
    manager, found = rehearsal.aws.client("secretsmanager"), rehearsal.described(name)
    app = {"username": "web_app", "password": f"First-1-{secrets.token_hex(8)}"}
    manager.create_secret(Name="app", SecretString=json.dumps(app))
    manager.create_secret(Name="session", SecretString=json.dumps({"key": secrets.token_hex(32)}))
    database = {
        "host": found["Endpoint"]["Address"], "port": found["Endpoint"]["Port"], "name": "web",
        "master_secret": found["MasterUserSecret"]["SecretArn"], "app_secret": "app",
    }  # fmt: skip
    value = json.dumps({"database": database, "session_secret": "session", "public_url": "https://localhost"})
    rehearsal.aws.client("ssm").put_parameter(Name="/local/web/config", Type="String", Value=value)


def run(rehearsal, *arguments, **more):
    """The application's own code in a process of its own, as a machine runs it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WEBAPP_", "SSL_"))}
    connection = rehearsal.aws.connection
    given = {
        "AWS_REGION": "us-west-2", "AWS_ENDPOINT_URL": connection.endpoint_url, "WEBAPP_CONFIG": "/local/web/config",
        "AWS_ACCESS_KEY_ID": connection.access_key, "AWS_SECRET_ACCESS_KEY": connection.secret_key,
    }  # fmt: skip
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=WEBAPP, env={**inherited, **given, **more}, capture_output=True, text=True)


def test_the_application_prepares_and_uses_it(rehearsal):
    """With nothing but the machine's environment; without it, the certificate is of nobody it trusts."""
    rehearsal.create()
    configure(rehearsal, "app")
    trust = rehearsal.told()["environment"]
    assert set(trust) == {"SSL_CERT_FILE"}
    refused = run(rehearsal, "-m", "shiftlog.prepare")
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stdout + refused.stderr
    for _ in range(2):
        done = run(rehearsal, "-m", "shiftlog.prepare", **trust)
        assert done.returncode == 0, done.stdout + done.stderr
    used = run(rehearsal, "-c", USE, **trust)
    assert used.stdout == "TLSv1.3 0\n", used.stderr


def test_the_machine_trusts_whom_it_trusted_before(rehearsal):
    """Our authority comes on top, and vouches for this machine only."""
    roots = Path(rehearsal.told()["environment"]["SSL_CERT_FILE"]).read_text()
    assert rehearsal.told()["ca"] in roots
    usual = ssl.get_default_verify_paths().cafile
    assert not usual or Path(usual).read_text() in roots
