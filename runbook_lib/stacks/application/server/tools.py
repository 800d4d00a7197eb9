"""What the hooks and units on a server need more than a shell for: `python3 tools.py COMMAND …`.

`environment` writes the application's environment to memory, `database-user` makes its user of the database,
`once COMMAND…` runs a command on one server of a deployment, `probe URL` asks the application.

It runs on the server's own Python (3.9 on Amazon Linux 2023) with the AWS CLI, which Amazon Linux has, and PyMySQL,
which the bundle brings in `lib/`.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

ROOT = os.environ.get("WEBAPP_ROOT", "")
TOOLS = Path(__file__).resolve().parent
ENVIRONMENT = Path(f"{ROOT}/run/webapp/environment")
ROOTS = f"{ROOT}/opt/runbook/certs/rds-roots.pem"

# What an application needs to run and to migrate its own schema. All of it exists in MySQL 8.4 and in MariaDB, and RDS
# gives it to its master user with the right to pass it on.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
RIGHTS = (
    "ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE VIEW, DELETE, DROP, EVENT, EXECUTE, "
    "INDEX, INSERT, LOCK TABLES, REFERENCES, SELECT, SHOW VIEW, TRIGGER, UPDATE"
)
ACCESS_DENIED, NO_DATABASE_RIGHT, UNKNOWN_DATABASE = 1045, 1044, 1049

RELEASE_SECONDS = 1000.0
"""For how long a server waits for the one that runs the release line; less than its hook may take."""


class Failed(Exception):
    """Something that a person has to mend; the message holds no secret."""


def aws(*words: str) -> str:
    """Return what the AWS CLI prints.

    Raises:
        Failed: It refuses.
    """
    done = subprocess.run(["aws", *words, "--output", "text"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"aws {' '.join(words[:4])}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout.rstrip("\n")


def read_parameter(name: str, *options: str) -> str:
    """Return the value of a Systems Manager parameter."""
    return aws("ssm", "get-parameter", "--name", name, *options, "--query", "Parameter.Value")


def read_secret(name: str) -> str:
    """Return the value of a secret."""
    return aws("secretsmanager", "get-secret-value", "--secret-id", name, "--query", "SecretString")


def read_config() -> dict[str, Any]:
    """Return the application's configuration: names and addresses."""
    config: dict[str, Any] = json.loads(read_parameter(os.environ["WEBAPP_CONFIG"]))
    return config


def read_environment(config: dict[str, Any]) -> dict[str, str]:
    """Return all variables of the application's processes."""
    database, cache, secrets = config["database"], config.get("cache"), config.get("secrets") or {}
    with ThreadPoolExecutor(8) as pool:
        session = pool.submit(read_secret, config["session_secret"])
        login = pool.submit(read_secret, database["app_secret"])
        values = dict(zip(secrets, pool.map(_read_setting, secrets.values())))
    user = json.loads(login.result())
    name, password = quote(database["user"], safe=""), quote(user["password"], safe="")
    variables = {
        "PUBLIC_URL": config["public_url"],
        "SESSION_SECRET": json.loads(session.result())["key"],
        "REVISION": (TOOLS / "REVISION").read_text(encoding="utf-8").strip(),
        "DATABASE_URL": f"mysql://{name}:{password}@{database['host']}:{database['port']}/{database['name']}",
        "DATABASE_CA": ROOTS,
    }
    if cache:
        variables["CACHE_URL"] = f"rediss://{cache['host']}:{cache['port']}/0"
    return {**variables, **(config.get("environment") or {}), **values}


def _read_setting(name: str) -> str:
    """A parameter of Systems Manager, by its name or ARN; else a secret."""
    if name.startswith(("/", "arn:aws:ssm:")):
        return read_parameter(name, "--with-decryption")
    return read_secret(name)


def write_environment() -> None:
    """Write the environment, readable by root only: at once, or not at all."""
    variables = read_environment(read_config())
    # What the server itself says counts more, as its own settings do.
    text = "".join(_line(name, value) for name, value in variables.items() if name not in os.environ)
    ENVIRONMENT.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=ENVIRONMENT.parent, delete=False, encoding="utf-8") as file:
        file.write(text)  # a temporary file has mode 0600
    Path(file.name).replace(ENVIRONMENT)


def _line(name: str, value: str) -> str:
    """One line, as systemd and sh read it."""
    for char in '\\"$`':
        value = value.replace(char, f"\\{char}")
    return f'{name}="{value}"\n'


def make_database_user() -> None:
    """Log in as the application; where that is refused, make its schema and its user as the master user."""
    url = urlsplit(os.environ["DATABASE_URL"])
    if url.scheme != "mysql":
        return
    where, schema = (url.hostname or "", url.port or 3306), url.path.lstrip("/")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if _can_log_in(where, user, password, schema):
        print(f"The database user {user} is there.")
        return
    try:
        master = json.loads(read_secret(read_config()["database"]["master_secret"]))
    except Failed as error:
        if "AccessDenied" not in str(error):
            raise
        raise Failed(
            f"The database refuses {user}, and servers may no longer read the master user's secret, to make it. "
            "Write another name into app.database_user, and apply 04_deploy."
        ) from error
    if master["username"] == user:
        raise Failed("The application's user is the master user: give app.database_user another name.")
    connection = _connect(where, master["username"], master["password"])
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {_quoted(schema)} CHARACTER SET utf8mb4")
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user, password))
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s REQUIRE SSL", (user, password))
        cursor.execute(f"GRANT {RIGHTS} ON {_quoted(schema)}.* TO %s@'%%'", (user,))
    _connect(where, user, password, schema).close()
    print(f"Made the database user {user}, with rights on {schema} only.")


def _can_log_in(where: tuple[str, int], user: str, password: str, schema: str) -> bool:
    try:
        _connect(where, user, password, schema).close()
    except Failed as error:
        if error.__cause__ and error.__cause__.args[0] in (ACCESS_DENIED, NO_DATABASE_RIGHT, UNKNOWN_DATABASE):
            return False
        raise
    return True


def _connect(where: tuple[str, int], user: str, password: str, schema: str | None = None) -> Any:
    """Connect over TLS; the server's certificate and its name are verified."""
    sys.path.insert(0, str(TOOLS / "lib"))
    import pymysql

    try:
        return pymysql.connect(
            host=where[0], port=where[1], user=user, password=password, database=schema, connect_timeout=10,
            ssl=_trust(os.environ["DATABASE_CA"]),
        )  # fmt: skip
    except pymysql.err.MySQLError as error:
        raise Failed(f"The database refuses {user}: {error.args}") from error


def _trust(roots: str) -> ssl.SSLContext:
    """Verify strictly, as RFC 5280 asks; it is Python's default from 3.13 only."""
    context = ssl.create_default_context(cafile=roots)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def run_once(command: list[str]) -> None:
    """Run a command on the server that asks first; the others wait for what came of it.

    The servers of a deployment agree by an object in the environment's bucket, which only one of them can create.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    place = ("--bucket", read_config()["bucket"], "--key", f"releases/{os.environ['DEPLOYMENT_ID']}")
    server = os.environ["INSTANCE_ID"]
    try:
        _put(place, {"server": server, "state": "running"}, "--if-none-match", "*")
    except Failed as error:
        if "PreconditionFailed" not in str(error) and "ConditionalRequestConflict" not in str(error):
            raise
        _wait_for_release(place)
        return
    done = subprocess.run(command, check=False)
    _put(place, {"server": server, "state": "failed" if done.returncode else "done"})
    if done.returncode:
        raise Failed(f"The Procfile's release line failed with exit code {done.returncode}; its words are above.")


def _put(place: Iterable[str], content: dict[str, str], *options: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(json.dumps(content))
        file.flush()
        aws("s3api", "put-object", *place, "--body", file.name, *options)


def _wait_for_release(place: Iterable[str]) -> None:
    deadline, release = time.monotonic() + RELEASE_SECONDS, {"state": "running", "server": "another server"}
    while release["state"] == "running":
        if time.monotonic() > deadline:
            raise Failed(f"The release line on {release['server']} has not ended within {RELEASE_SECONDS:.0f} s.")
        time.sleep(1)
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            aws("s3api", "get-object", *place, file.name)
            release = json.loads(Path(file.name).read_text(encoding="utf-8"))
    if release["state"] == "failed":
        raise Failed(f"The Procfile's release line failed on {release['server']}.")
    print(f"The release line has run on {release['server']}.")


class _NoRedirect(HTTPRedirectHandler):
    """A health check follows no redirect."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Take the redirect as the answer."""


def probe(url: str) -> None:
    """Ask like the load balancer's health check.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html

    Raises:
        Failed: The answer is not 200.
    """
    request = Request(url, headers={"User-Agent": "ELB-HealthChecker/2.0"})
    try:
        with build_opener(ProxyHandler({}), _NoRedirect).open(request, timeout=5) as answer:
            status, body = answer.status, b""
    except HTTPError as error:
        status, body = error.code, error.read(300)
    except OSError as error:
        raise Failed(str(getattr(error, "reason", error))) from error
    if status != 200:
        raise Failed(f"it answers {status} {body.decode(errors='replace').strip()}".strip())


def main(command: str, words: list[str]) -> None:
    """Run one command; a failure is one line and exit code 1."""
    try:
        if command == "environment":
            write_environment()
        elif command == "database-user":
            make_database_user()
        elif command == "once":
            run_once(words)
        elif command == "probe":
            probe(words[0])
        else:
            raise Failed(f"There is no command {command}.")
    except (Failed, KeyError, ValueError) as error:
        sys.exit(f"{command}: {error if isinstance(error, Failed) else repr(error)}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
