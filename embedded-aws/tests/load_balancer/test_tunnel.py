"""WebSockets pass the load balancer, and large bodies are not held in memory."""

import socket
import ssl
import time
from contextlib import contextmanager
from threading import Thread

import psutil
import pytest

from embedded_aws.testing import eventually

ASKED = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MEGABYTE = 2**20


@contextmanager
def opened(site, path="/socket", early=b"", port=443):
    """Ask for a WebSocket on a connection of its own; yields the connection and the head of the response."""
    with socket.create_connection(("localhost", site.port(port)), timeout=10) as plain:
        secure = site.trust().wrap_socket(plain, server_hostname="localhost") if port == 443 else plain
        with secure:
            secure.sendall(ASKED.format(path=path).encode() + early)
            head = b""
            while b"\r\n\r\n" not in head:
                head += secure.recv(1)
            yield secure, head.decode()


def received(connection, size):
    """Read this many bytes; fewer where the connection ends."""
    data = b""
    try:
        while len(data) < size and (more := connection.recv(size - len(data))):
            data += more
    except (ConnectionError, ssl.SSLError):
        pass
    return data


@pytest.mark.parametrize("port", [443, 80])
def test_a_websocket_is_tunnelled_in_both_directions(site, app, port):
    """By every listener that forwards; what the client sends before the answer, and a large message, arrive, too."""
    site.serve(app("a"))
    if port == 80:
        forward = {"Type": "forward", "TargetGroupArn": site.group}
        site.elb.modify_listener(ListenerArn=site.http, DefaultActions=[forward])
        eventually(lambda: site.open(80))

    def answered():
        with opened(site, early=b"early", port=port) as (connection, head):
            if not head.startswith("HTTP/1.1 101 "):
                return False
            assert received(connection, 10) == b"helloearly"
            message = bytes(range(256)) * 256
            for _ in range(32):  # by turns: two threads must not use one TLS connection at once
                connection.sendall(message)
                assert received(connection, len(message)) == message
            return head.lower()

    head = eventually(answered)
    assert "connection: upgrade\r\nupgrade: websocket\r\n" in head
    assert "transfer-encoding" not in head
    assert '"sec-websocket-key": "dghlihnhbxbszsbub25jzq=="' in head
    assert '"x-forwarded-for": "127.0.0.1"' in head


def test_a_target_may_refuse_a_websocket(site, app):
    """Its answer is like any other, and the connection goes on."""
    site.serve(app("a"))
    with opened(site, "/refused") as (connection, head):
        assert head.startswith("HTTP/1.1 403 ")
        assert received(connection, 2) == b"no"
        connection.sendall(b"GET /status/204 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert received(connection, 12) == b"HTTP/1.1 204"


def test_either_side_closes_the_tunnel(site, app):
    site.serve(app("a"))
    with opened(site) as (connection, _):
        assert received(connection, 5) == b"hello"
        connection.sendall(b"bye")
        assert received(connection, 1) == b""


@pytest.mark.exhaustive
def test_an_idle_tunnel_is_closed(site, app):
    """After the load balancer's idle timeout; data in any direction restarts it."""
    site.set(idle_timeout__timeout_seconds="1")
    site.serve(app("a"))
    eventually(lambda: site.ask(path="/status/200").status == 200)
    with opened(site) as (connection, _):
        assert received(connection, 5) == b"hello"
        began = time.monotonic()
        for _ in range(4):
            time.sleep(0.4)
            connection.sendall(b"on")
            assert received(connection, 2) == b"on"
        assert received(connection, 1) == b""
        assert 2.4 < time.monotonic() - began < 30


def test_a_deregistered_target_loses_its_tunnels(site, app):
    """After the deregistration delay; they do not hold up the deployment that waits for it."""
    site.elb.modify_target_group_attributes(
        TargetGroupArn=site.group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "20"}]
    )
    (instance,) = site.serve(app("a"))
    with opened(site) as (connection, _):
        assert received(connection, 5) == b"hello"
        site.deregister(instance)
        assert received(connection, 1) == b""
    eventually(lambda: site.health(instance)[0] == "unused", within=5)


def test_a_target_that_dies_ends_its_tunnels(site, app):
    running = app("a")
    site.serve(running)
    with opened(site) as (connection, _):
        assert received(connection, 5) == b"hello"
        running.http.socket.close()
        for one in running.connections:
            one.shutdown(socket.SHUT_RDWR)
        assert received(connection, 1) == b""


def test_a_large_upload_waits_for_its_target_and_is_not_held_in_memory(site, app):
    """200 MB to a target that does not read yet: the client has to wait, and the load balancer stays small."""
    running = app("a")
    site.serve(running)
    server, block, sent = psutil.Process(site.aws.address.process.pid), b"x" * MEGABYTE, []
    before = server.memory_info().rss

    def body():
        for _ in range(200):
            sent.append(server.memory_info().rss)
            yield block

    answers = []
    headers = {"Content-Length": str(200 * MEGABYTE)}
    upload = Thread(target=lambda: answers.append(site.ask("POST", "/slow", body(), headers)))
    upload.start()
    assert running.entered.wait(10)
    time.sleep(0.5)
    assert len(sent) < 40
    running.release.set()
    upload.join(30)
    assert (answers[0].status, answers[0].body) == (200, str(200 * MEGABYTE).encode())
    assert max(sent) - before < 40 * MEGABYTE


def test_a_large_response_waits_for_its_client(site, app):
    site.serve(app("a"))
    server = psutil.Process(site.aws.address.process.pid)
    before = server.memory_info().rss
    connection = site.connect()
    connection.request("GET", f"/big/{200 * MEGABYTE}")
    answer = connection.getresponse()
    time.sleep(0.5)
    assert server.memory_info().rss - before < 40 * MEGABYTE
    assert sum(len(part) for part in iter(lambda: answer.read(MEGABYTE), b"")) == 200 * MEGABYTE
    assert server.memory_info().rss - before < 40 * MEGABYTE
    connection.close()
