"""Requests reach the applications as through an Application Load Balancer."""

import hashlib
import http.client
import socket
import ssl
from collections import Counter
from itertools import pairwise

import psutil
import pytest

from embedded_aws.testing import eventually
from load_balancer.site import Site, wired
from services.self_signed_certificate import self_signed


@pytest.fixture
def pair(site, app):
    """The site with two applications, `a` and `b`."""
    site.instances = site.serve(app("a"), app("b"))
    return site


def test_https_is_answered_by_an_application(pair):
    """For a client that trusts the load balancer's certificate file."""
    answer = pair.ask(path="/some/page?x=%20&y=1")
    assert answer.status == 200
    assert answer.request["path"] == "/some/page?x=%20&y=1"


def test_http_is_redirected_to_https(pair):
    """To the local port, so that a browser can follow."""
    eventually(lambda: pair.open(80))
    call = http.client.HTTPConnection("localhost", pair.port(80), timeout=10)
    call.request("GET", "/some/page?x=1")
    answer = call.getresponse()
    assert (answer.status, answer.reason) == (301, "Moved Permanently")
    assert answer.headers["Location"] == f"https://localhost:{pair.port(443)}/some/page?x=1"
    assert answer.headers["Server"] == "awselb/2.0"
    assert b"<h1>301 Moved Permanently</h1>" in answer.read()
    call.close()


def test_requests_are_distributed_round_robin(pair):
    """Also those of one connection."""
    call = pair.connect()
    turns = [pair.ask(connection=call).request["app"] for _ in range(20)]
    call.close()
    assert Counter(turns) == {"a": 10, "b": 10}
    assert all(one != other for one, other in pairwise(turns))


def test_the_target_gets_forwarded_headers(pair):
    """X-Forwarded-For, -Proto and -Port are added; Host stays as the client sent it."""
    headers = pair.ask(headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}).request["headers"]
    assert headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == str(pair.port(443))
    assert headers["host"] == f"localhost:{pair.port(443)}"
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert pair.ask(headers={"Host": "app.example.com"}).request["headers"]["host"] == "app.example.com"


def test_hop_by_hop_fields_are_dropped(pair):
    """The standard ones and those that Connection names, in both directions."""
    sent = {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "TE": "trailers", "Upgrade": "h2c", "X-Other": "2"}
    headers = pair.ask(headers=sent).request["headers"]
    assert not {"x-mine", "te", "upgrade", "connection"} & headers.keys()
    assert headers["x-other"] == "2"
    answer = pair.ask(path="/fields")
    assert answer.headers.get_all("Set-Cookie") == ["a=1; Secure", "b=2"]
    assert "Keep-Alive" not in answer.headers
    assert (answer.headers["Content-Encoding"], answer.body) == ("gzip", b"\x1f\x8b\x00\x00")
    assert "BaseHTTP" in answer.headers["Server"]
    assert "Content-Type" not in answer.headers


def test_localhost_gets_no_hsts(pair):
    """A browser would use HTTPS for the notebooks on another port, too; other hosts get it."""
    assert "Strict-Transport-Security" not in pair.ask(path="/fields").headers
    named = pair.ask(path="/fields", headers={"Host": "app.example.com"})
    assert named.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_invalid_header_names_are_dropped_on_request(pair):
    """By an attribute of the load balancer; by default they pass."""
    assert "x_odd" in pair.ask(headers={"X_Odd": "1"}).request["headers"]
    pair.set(routing__http__drop_invalid_header_fields__enabled="true")
    eventually(lambda: "x_odd" not in pair.ask(headers={"X_Odd": "1", "X-Even": "2"}).request["headers"])
    assert "x-even" in pair.ask(headers={"X_Odd": "1", "X-Even": "2"}).request["headers"]


def test_bodies_pass(pair):
    """Of known and of unknown length, and with Expect: 100-continue."""
    body = bytes(range(256)) * 20_000
    digest = hashlib.sha256(body).hexdigest()
    known = pair.ask("POST", "/", body)
    assert (known.request["length"], known.request["digest"]) == (len(body), digest)
    assert known.request["headers"]["content-length"] == str(len(body))
    unknown = pair.ask("PUT", "/", iter([body[:1000], body[1000:]]))
    assert (unknown.request["method"], unknown.request["digest"]) == ("PUT", digest)
    assert pair.ask("POST", "/").request["length"] == 0
    waiting = pair.ask("POST", "/", body[:10], {"Expect": "100-continue"})
    assert waiting.request["length"] == 10


def test_large_responses_are_streamed(pair):
    """Fifty megabytes."""
    answer = pair.ask(path=f"/big/{50 * 2**20}")
    assert (answer.status, len(answer.body)) == (200, 50 * 2**20)


def test_a_response_is_forwarded_while_it_is_sent(site, app):
    running = app("a")
    site.serve(running)
    call = site.connect()
    call.request("GET", "/drip")
    answer = call.getresponse()
    assert answer.read(5) == b"first"
    running.release.set()
    assert answer.read() == b"last"
    call.close()


def test_dead_targets_are_502(site, app):
    """When none is healthy, all are tried."""
    running = app("a")
    (instance,) = site.serve(running)
    running.stop()
    assert site.ask().status == 502
    eventually(lambda: site.health(instance)[0] == "unhealthy")
    assert site.ask("POST", "/", b"body").status == 502
    site.deregister(instance)
    assert site.ask().status == 503


def test_other_statuses_and_head_pass(pair):
    """Unchanged."""
    for status in (204, 304, 404, 500, 503):
        answer = pair.ask(path=f"/status/{status}")
        assert answer.status == status
        assert answer.headers["Server"] != "awselb/2.0"
    answer = pair.ask("HEAD", "/")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_without_targets_it_is_503(site):
    """With the load balancer's own page."""
    eventually(lambda: site.open(443))
    answer = site.ask()
    assert (answer.status, answer.reason) == (503, "Service Temporarily Unavailable")
    assert (answer.headers["Server"], answer.headers["Content-Type"]) == ("awselb/2.0", "text/html")
    assert answer.headers["Content-Length"] == "162"
    assert b"<center><h1>503 Service Temporarily Unavailable</h1></center>" in answer.body


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_lost_connection_is_502_and_no_other_target_is_asked(site, app, method):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html (502)."""
    apps = [app("a"), app("b")]
    site.serve(*apps)
    answer = site.ask(method, "/lost")
    assert (answer.status, answer.headers["Content-Length"]) == (502, "122")
    assert sorted(one.asked.count("lost") for one in apps) == [0, 1]


def test_a_server_that_dies_costs_requests_until_its_health_checks_fail(site, app):
    """A refused connection is 502, too: that no request fails proves something."""
    apps = [app("a"), app("b")]
    (dead, _) = site.serve(*apps)
    apps[0].stop()
    answers = [site.ask().status for _ in range(2)]
    assert sorted(answers) == [200, 502]
    eventually(lambda: site.health(dead)[0] == "unhealthy")
    assert {site.ask().status for _ in range(4)} == {200}


def test_the_listener_speaks_the_versions_of_its_policy(pair):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html."""

    def version(highest):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, highest
        try:
            with (
                socket.create_connection(("127.0.0.1", pair.port(443)), timeout=10) as plain,
                context.wrap_socket(plain) as secure,
            ):
                return secure.version()
        except (ssl.SSLError, ConnectionError):
            return None

    def spoken():
        return [version(highest) for highest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]

    policies = {
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09": ["TLSv1.2", "TLSv1.3"],
        "ELBSecurityPolicy-TLS13-1-3-2021-06": [None, "TLSv1.3"],
        "ELBSecurityPolicy-TLS-1-2-2017-01": ["TLSv1.2", "TLSv1.2"],
    }
    for policy, expected in policies.items():
        pair.elb.modify_listener(ListenerArn=pair.https, SslPolicy=policy)
        eventually(lambda expected=expected: spoken() == expected)


def test_a_silent_target_is_504(site, app):
    """After the idle timeout."""
    site.set(idle_timeout__timeout_seconds="1")
    site.serve(app("a"))
    answer = site.ask(path="/wait")
    assert (answer.status, answer.reason, answer.headers["Content-Length"]) == (504, "Gateway Time-out", "132")


def test_a_partial_response_breaks_off(pair):
    """So that no client takes it for complete."""
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        pair.ask(path="/half")


def test_a_new_certificate_is_presented_to_new_connections(pair):
    """Open connections continue."""
    call = pair.connect()
    assert pair.ask(connection=call).status == 200
    before = presented(pair)
    renewed = self_signed("web.local.test", "localhost")
    pair.acm.import_certificate(CertificateArn=pair.certificate, **renewed)
    wanted = ssl.PEM_cert_to_DER_cert(renewed["Certificate"].decode())
    eventually(lambda: presented(pair) == wanted)
    assert before != wanted
    assert pair.ask(connection=call).status == 200
    eventually(lambda: (pair.folder / "web.pem").read_bytes() == renewed["Certificate"])
    assert pair.ask().status == 200
    call.close()


def presented(site):
    """Return the certificate that a new connection gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", site.port(443)), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        return secure.getpeercert(binary_form=True)


def test_an_unreachable_load_balancer_does_not_listen(pair):
    """Without an ingress rule, or without a route to the internet."""
    pair.forbid(pair.alb, 443, CidrIp="0.0.0.0/0")
    eventually(lambda: not pair.open(443))
    pair.allow(pair.alb, 443, CidrIp="203.0.113.0/24")  # the operator's own
    eventually(lambda: pair.open(443))
    pair.forbid(pair.alb, 443, CidrIp="203.0.113.0/24")
    pair.allow(pair.alb, 443, CidrIp="10.0.0.0/8")
    eventually(lambda: not pair.open(443))


def test_a_deleted_load_balancer_leaves_nothing(pair):
    """Neither ports nor a certificate file."""
    pair.elb.delete_load_balancer(LoadBalancerArn=pair.balancer)
    eventually(lambda: not pair.open(443) and not pair.open(80))
    eventually(lambda: not (pair.folder / "web.pem").exists())


def test_rules_go_before_the_default(pair):
    """By path and host; a rule can have a fixed response."""
    fixed = {"StatusCode": "410", "ContentType": "text/plain", "MessageBody": "gone for good"}
    pair.elb.create_rule(
        ListenerArn=pair.https,
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/old/*"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    )
    eventually(lambda: pair.ask(path="/old/page").status == 410)
    assert pair.ask(path="/old/page").body == b"gone for good"
    assert pair.ask(path="/new").status == 200


def test_listeners_are_on_loopback_only(pair):
    sockets = psutil.Process(pair.aws.address.process.pid).net_connections("inet")
    listening = {(one.laddr.ip, one.laddr.port) for one in sockets if one.status == psutil.CONN_LISTEN}
    assert ("127.0.0.1", pair.port(443)) in listening
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_ports_stay_and_nothing_listens_after_the_end(tmp_path, app):
    """An address is valid again after a restart."""
    with wired(tmp_path) as aws:
        site = Site(aws)
        site.serve(app("a"))
        eventually(lambda: site.open(80))
        ports, apps = (site.port(443), site.port(80)), (tmp_path / "apps.json").read_text()
        aws.control("save")
    assert not site.open(443)
    assert not site.open(80)
    with wired(tmp_path):
        (tmp_path / "apps.json").write_text(apps)
        eventually(lambda: site.open(443) and site.ask().status == 200)
        assert (site.port(443), site.port(80)) == ports
