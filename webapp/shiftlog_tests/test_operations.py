"""What operators and machines see: health, version, logs, settings, and a graceful stop."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from .visitor import Visitor, token
from .world import WEBAPP, Instance, World


def test_readiness_names_each_part(cached_world: World) -> None:
    """All well: database, migrations and cache each say so."""
    ready = Visitor(cached_world.app()).get("/readyz").json
    assert ready["ready"]
    assert {name: part["state"] for name, part in ready["parts"].items()} == {
        "database": "answers", "migrations": "current", "cache": "answers",
    }  # fmt: skip


def test_the_version_names_revision_and_commit(world: World) -> None:
    """A deployment is recognised by what it answers."""
    said = Visitor(world.app(WEBAPP_COMMIT="abc123")).get("/version").json
    assert said == {"revision": "unbuilt", "commit": "abc123"}


def test_logs_are_json_with_the_request_id_and_without_secrets(
    world: World, instances: Callable[..., Instance]
) -> None:
    """Every line parses; a request is found by the load balancer's id; no password, key or search text is in it."""
    instance = instances(world)
    trace = "Root=1-67891233-abcdef012345678912345678"
    browser = requests.Session()
    answer = browser.get(f"{instance.url}/?q=private", headers={"X-Amzn-Trace-Id": trace})
    assert answer.headers["X-Request-Id"] == trace
    browser.post(
        f"{instance.url}/sign-in", {"csrf_token": token(browser.get(f"{instance.url}/sign-in").text), "name": "A"}
    )
    assert instance.stop() == 0
    lines = [json.loads(line) for line in instance.output().splitlines()]
    found = [line for line in lines if line.get("request_id") == trace]
    assert [(line["path"], line["status"]) for line in found] == [("/", 200)]
    secret_texts = [value for name in ("app", "session") for value in world.secret(name).values()]
    for text in ("private", *(each for each in secret_texts if each not in (world.user,))):
        assert text not in instance.output()


@pytest.mark.exhaustive
def test_what_gunicorn_refuses_itself_is_told_and_not_quoted(world: World, instances: Callable[..., Instance]) -> None:
    """A long search is answered up to 8 KB; beyond, and for nonsense, the status says why and the log no query."""
    instance = instances(world)
    assert requests.get(f"{instance.url}/?q={'x' * 8000}", timeout=10).status_code == 200
    assert requests.get(f"{instance.url}/?q={'private' * 1200}", timeout=10).status_code == 414
    assert requests.get(instance.url, headers={"X-Long": "x" * 9000}, timeout=10).status_code == 431
    for nonsense in (b"GET /?q=private matter HTTP/1.1", b"GET /?q=private", b"get /?private HTTP/1.1"):
        assert _raw(instance, nonsense + b"\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 400 "), nonsense
    header = b"GET / HTTP/1.1\r\nHost: a\r\nCook ie: private\r\n\r\n"
    assert _raw(instance, header).startswith(b"HTTP/1.1 400 ")
    assert instance.stop() == 0
    lines = [json.loads(line) for line in instance.output().splitlines()]
    warnings = [line["message"] for line in lines if line["level"] == "warning"]
    assert len([each for each in warnings if each.startswith("Invalid request")]) == 6, warnings
    assert "private" not in instance.output()


def _raw(instance: Instance, request: bytes) -> bytes:
    """The answer to what no client sends."""
    with socket.create_connection(("127.0.0.1", int(instance.url.rpartition(":")[2])), timeout=10) as link:
        link.sendall(request)
        return link.recv(100)


@pytest.mark.parametrize("forged", ["a b", 'x"}', "é" * 10, "x" * 129, ""])
def test_a_strange_request_id_is_replaced(world: World, forged: str) -> None:
    """A header cannot write into the log what it likes."""
    answer = Visitor(world.app()).get("/healthz", headers={"X-Request-Id": forged.encode().decode("latin-1")})
    assert len(answer.headers["X-Request-Id"]) == 32


def test_a_stop_lets_open_requests_finish(world: World, instances: Callable[..., Instance]) -> None:
    """A page under way when the instance is told to stop is delivered; the process then ends with 0."""
    instance = instances(world)
    world.database.run(
        f"LOCK TABLES {world.name}.entries READ"
    )  # frees with its connection: shows that it can be locked
    import pymysql

    holder = pymysql.connect(unix_socket=f"{world.database.folder}/s", user="root", database=world.name)
    holder.cursor().execute("LOCK TABLES entries WRITE")
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(requests.get(instance.url, timeout=30).status_code))
    asking.start()
    _wait_for_lock(world)
    stopping = threading.Thread(target=instance.stop)
    stopping.start()
    holder.close()
    asking.join()
    stopping.join()
    assert answers == [200]


def test_a_stop_takes_no_longer_than_the_contract_allows() -> None:
    """A process has 30 seconds after SIGTERM, and a server that leaves the load balancer at least ten."""
    text = (WEBAPP / "gunicorn.conf.py").read_text(encoding="utf-8")
    found = re.search(r"graceful_timeout = (\d+)", text)
    assert found
    assert int(found[1]) <= 10


def _wait_for_lock(world: World) -> None:
    from tests.support.processes import until

    waiting = "SELECT 1 FROM information_schema.processlist WHERE user = %s AND state LIKE 'Waiting%%'"
    until(lambda: world.database.run(waiting, world.user))


def test_settings_come_from_the_instances_file_and_the_environment_counts_more(tmp_path: Path) -> None:
    """Quotes as in a shell are understood; comments and nonsense are not settings."""
    from shiftlog.settings import load

    file = tmp_path / "etc/webapp/instance.env"
    file.parent.mkdir(parents=True)
    file.write_text("# made by user data\nPORT=9000\nZONE=\"us-west-2b\"\nnonsense\nAWS_REGION='us-west-2'\n")
    found = load({"WEBAPP_ROOT": str(tmp_path), "PORT": "9001"})
    assert (found.port, found.zone, found.environ["AWS_REGION"]) == (9001, "us-west-2b", "us-west-2")


@pytest.mark.parametrize(
    ("changes", "names"),
    [({"database": {"host": "h"}}, "database has no 'name'"), ({"session_secret": None}, "no 'session_secret'")],
)
def test_a_gap_in_the_configuration_is_named(world: World, changes: dict[str, object], names: str) -> None:
    """The application does not start with half a configuration; it says which half is missing, and where."""
    world.configure(**changes)
    with pytest.raises(Exception, match=names):
        world.app()


def test_instance_and_zone_are_asked_of_the_metadata_service_with_a_token() -> None:
    """IMDSv2: a token first, then the facts with it."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from shiftlog.instance import Instance, discover
    from shiftlog.settings import Settings

    class Metadata(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer(b"a-token" if self.path == "/latest/api/token" else b"")

        def do_GET(self) -> None:
            facts = {"instance-id": b"i-0fromimds", "placement/availability-zone": b"us-west-2c"}
            allowed = self.headers["X-aws-ec2-metadata-token"] == "a-token"
            self._answer(facts[self.path.removeprefix("/latest/meta-data/")] if allowed else b"refused")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}
    assert discover(Settings(environ=here)) == Instance("i-0fromimds", "us-west-2c")
    assert discover(Settings(environ=here, zone="here")) == Instance("i-0fromimds", "here")
    server.shutdown()
