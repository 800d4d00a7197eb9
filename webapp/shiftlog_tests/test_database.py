"""The database: its rotation, its loss, its users and its schema."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pymysql
import pytest

from tests.support.processes import until
from tests.support.servers import MariaDB

from .visitor import Guest, Visitor
from .world import WEBAPP, Instance, World

#: Two instances of two workers keep four connections each: whoever comes beyond these needs a new one.
CROWD = 20


def test_a_rotation_under_load_is_noticed_by_nobody(
    world: World, mariadb: MariaDB, instances: Callable[..., Instance]
) -> None:
    """While the password changes three times, first in the database and then in the secret, no request fails."""
    sites = [instances(world).url, instances(world).url]
    answers: list[object] = []
    done = threading.Event()

    def visit(number: int) -> None:
        guest = Guest(sites, answers)
        guest.sign_in(f"Visitor {number}")
        while not done.is_set():
            guest.write("Still here")
            guest.get("/")

    visitors = [threading.Thread(target=visit, args=(number,)) for number in range(CROWD)]
    for each in visitors:
        each.start()
    try:
        for _ in range(3):
            _rotate(world, mariadb)
            before = len(answers)
            until(lambda seen=before: len(answers) > seen + 2 * CROWD)
    finally:
        done.set()
        for each in visitors:
            each.join()
    assert set(answers) == {200, 303}


def _rotate(world: World, mariadb: MariaDB) -> None:
    """In the order that leaves the longest gap; meanwhile more people wait than there are connections to reuse."""
    new = {"username": world.user, "password": f"Next-1-{secrets.token_hex(8)}"}
    keeper, refused = world.aws("secretsmanager"), _refused(mariadb)
    mariadb.run("ALTER USER %s@'%%' IDENTIFIED BY %s", *new.values())
    with pymysql.connect(unix_socket=f"{mariadb.folder}/s", user="root", database=world.name) as holder:
        holder.cursor().execute("LOCK TABLES entries WRITE")
        until(lambda: _refused(mariadb) > refused)
        keeper.put_secret_value(SecretId=f"{world.name}/app", SecretString=json.dumps(new))


def _refused(mariadb: MariaDB) -> int:
    """How many logins the server has refused so far."""
    return int(str(mariadb.run("SHOW GLOBAL STATUS LIKE 'Access_denied_errors'")[0][1]))


def test_a_lost_database_is_a_clear_page_until_it_is_back(world: World, mariadb: MariaDB) -> None:
    """503 with Retry-After and plain words; the process stays healthy, is not ready, and recovers by itself."""
    visitor = Visitor(world.app())
    visitor.sign_in()
    visitor.write("Before")
    with mariadb.away():
        lost = visitor.get("/")
        assert (lost.status_code, lost.headers["Retry-After"]) == (503, "5")
        assert "Its database does not answer" in lost.text
        assert '<a class="button" href="">Load this page again</a>' in lost.text
        assert "i-0123456789abcdef0" in lost.text
        assert visitor.post("/entries", {}).status_code == 403
        assert visitor.get("/healthz").status_code == 200
        ready = visitor.get("/readyz")
        assert ready.status_code == 503
        assert ready.json["parts"]["database"] == {"ok": False, "state": "unreachable"}
    until(lambda: visitor.get("/").status_code == 200)
    assert visitor.titles() == ["Before"]
    assert visitor.get("/readyz").json["ready"]


def test_the_application_starts_while_the_database_is_away(world: World, mariadb: MariaDB) -> None:
    """An instance that boots during a fail-over comes up, and works once the database does."""
    with mariadb.away():
        visitor = Visitor(world.app())
        assert visitor.get("/healthz").status_code == 200
        assert visitor.get("/").status_code == 503
    until(lambda: visitor.get("/").status_code == 200)


def test_who_is_refused_at_once_does_not_read_the_secret_at_once() -> None:
    """Between a new password and its secret, one of many threads asks now and then; all go on once it is there."""
    from shiftlog.credentials import PAUSE, Credentials, Login

    reads: list[float] = []
    found: list[str] = []

    def fetch() -> dict[str, str]:
        reads.append(time.monotonic())
        return {"username": "u", "password": "new" if reads[-1] - reads[0] > 4 * PAUSE else "old"}

    def attempt(login: Login) -> str:
        if login.password == "old":
            raise PermissionError
        return login.password

    def connect() -> None:
        found.append(credentials.connect(attempt, lambda error: isinstance(error, PermissionError)))

    credentials = Credentials(fetch)
    threads = [threading.Thread(target=connect) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == ["new"] * 16
    assert len(reads) <= 6


def test_a_wrong_password_is_refused_in_bounded_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When secret and database stay apart, pages say 503 after a few seconds instead of hanging."""
    monkeypatch.setattr("shiftlog.credentials.PATIENCE", 0.5)
    world.keep("app", username=world.user, password="Wrong-1-password")
    assert Visitor(world.app()).get("/").status_code == 503


@pytest.mark.parametrize("secret", [{"username": "u"}, {"username": "u", "password": ""}, {"password": "p"}])
def test_a_secret_without_a_login_is_a_lost_database_until_it_is_corrected(
    world: World, secret: dict[str, str]
) -> None:
    """Readiness names the part, pages say 503, the hook says what is missing; afterwards all is well by itself."""
    right = world.secret("app")
    world.keep("app", **secret)
    visitor = Visitor(world.app())
    ready = visitor.get("/readyz")
    assert (ready.status_code, ready.json["ready"]) == (503, False)
    assert ready.json["parts"]["database"] == {"ok": False, "state": "unreachable"}
    assert visitor.get("/").status_code == 503
    with pytest.raises(Exception, match=r"secret of the database's user has no '(username|password)'"):
        world.prepare()
    world.keep("app", **right)
    assert visitor.get("/readyz").json["ready"]


def test_the_application_speaks_tls_or_not_at_all(world: World) -> None:
    """Without TLS the database refuses the user; with a certificate of somebody else, we refuse the database."""
    own = world.secret("app")
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        pymysql.connect(
            host="127.0.0.1", port=world.database.port, user=own["username"], password=own["password"],
            ssl_disabled=True,
        )  # fmt: skip
    database = {"host": "127.0.0.1", "port": world.database.port, "name": world.name, "app_secret": f"{world.name}/app"}
    world.configure(database=database)  # no tls_ca: the system's roots, which do not know our server
    assert Visitor(world.app()).get("/").status_code == 503


@pytest.mark.exhaustive
def test_two_instances_may_prepare_the_database_at_once(aws: str, mariadb: MariaDB, authority: object) -> None:
    """Both hooks succeed; one migrates, the other finds it done."""
    world = World(aws, mariadb, authority)  # type: ignore[arg-type]
    world.give_user()
    command = [sys.executable, "-m", "shiftlog.prepare"]
    environ = {**os.environ, **world.environ}
    both = [subprocess.Popen(command, cwd=WEBAPP, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    text = "".join(said)
    assert len(re.findall("went from nothing to", text)) == 1
    assert len(re.findall("nothing to migrate", text)) == 1
    assert world.secret("app")["password"] not in text


def test_an_older_revision_works_with_a_newer_schema(world: World, mariadb: MariaDB) -> None:
    """During a rolling deployment, and after a roll-back: it is ready, and its hook leaves the schema alone."""
    mariadb.run(f"UPDATE {world.name}.alembic_version SET version_num = 'later'")
    world.prepare()
    ready = Visitor(world.app()).get("/readyz")
    assert (ready.status_code, ready.json["parts"]["migrations"]["state"]) == (200, "ahead")


def test_a_migration_that_was_cut_off_is_done_again(world: World, mariadb: MariaDB) -> None:
    """MySQL commits each step: a hook killed before the version was noted does not stand in the way of the next."""
    mariadb.run(f"INSERT INTO {world.name}.entries VALUES (1, 'a', 'note', 'Kept', 'b', NOW())")
    mariadb.run(f"DELETE FROM {world.name}.alembic_version")
    world.prepare()
    visitor = Visitor(world.app())
    assert visitor.get("/readyz").json["ready"]
    assert visitor.titles() == ["Kept"]


def test_a_revision_without_its_migrations_is_not_ready(world: World, mariadb: MariaDB) -> None:
    """A deployment whose schema is missing fails its validation."""
    mariadb.run(f"DELETE FROM {world.name}.alembic_version")
    ready = Visitor(world.app()).get("/readyz")
    assert (ready.status_code, ready.json["parts"]["migrations"]) == (503, {"ok": False, "state": "behind"})
