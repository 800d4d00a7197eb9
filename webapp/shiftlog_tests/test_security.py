"""What an attacker tries, and what the browser is told."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from werkzeug.test import TestResponse

from tests.support.handshakes import handshake, issue_lax, serving

from .visitor import Visitor, token
from .world import World


@pytest.fixture
def visitor(world: World) -> Visitor:
    """Somebody who is not signed in."""
    return Visitor(world.app())


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/healthz", "/static/style.css"])
def test_every_answer_carries_the_headers(visitor: Visitor, path: str) -> None:
    """No script at all, no framing, no guessing of types, HTTPS only: pages, errors and files alike."""
    headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "max-age=31536000" in headers["Strict-Transport-Security"]


def test_pages_have_neither_scripts_nor_inline_styles(visitor: Visitor) -> None:
    """Nothing in a page needs an exception from the policy."""
    for path in ("/", "/sign-in", "/nowhere"):
        page = visitor.get(path).text
        assert "<script" not in page
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page


def test_cookies_are_for_this_host_over_https_and_not_for_scripts(visitor: Visitor) -> None:
    """Each has the __Host- prefix, Secure, HttpOnly and SameSite."""
    cookies = _cookies(visitor.get("/sign-in")) + _cookies(visitor.sign_in())
    assert {cookie.split("=")[0] for cookie in cookies} == {"__Host-csrf", "__Host-session"}
    for cookie in cookies:
        for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert flag in cookie
        assert "Domain=" not in cookie


def test_the_public_address_makes_cookies_secure_whatever_the_proxy_says(world: World) -> None:
    """With an https public_url, a proxy that forgets its header does no harm."""
    world.configure(public_url="https://log.example")
    assert all("Secure" in each for each in _cookies(Visitor(world.app(), scheme="http").get("/sign-in")))


def test_the_load_balancers_word_on_https_counts(world: World) -> None:
    """Behind a load balancer that ends TLS, cookies are secure and HSTS is sent."""
    answer = Visitor(world.app(), scheme="http").get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert all("Secure" in cookie for cookie in _cookies(answer))
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize("forged", ["", "0" * 64, "é"])
def test_a_form_without_the_right_token_is_refused(visitor: Visitor, forged: str) -> None:
    """No token, or a made-up one: 403, and nothing happens."""
    visitor.sign_in()
    answer = visitor.post("/entries", {"csrf_token": forged, "title": "Forged", "severity": "note"})
    assert answer.status_code == 403
    assert "out of date" in answer.text
    assert visitor.titles() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/", 405), ("DELETE", "/healthz", 405), ("POST", "/nowhere", 404), ("POST", "/entries/x/delete", 404)],
)
def test_what_is_not_there_is_told_before_forms_are_checked(
    visitor: Visitor, method: str, path: str, status: int
) -> None:
    """Who asks for the wrong thing hears of that, not of a form that is out of date."""
    answer = visitor.send(method, path)
    assert answer.status_code == status
    assert "out of date" not in answer.text
    assert ("GET" in answer.headers.get("Allow", "")) == (status == 405)


def test_another_visitors_token_is_refused(visitor: Visitor, world: World) -> None:
    """A token fits only the browser that it was made for."""
    stolen = token(Visitor(world.app()).get("/sign-in").text)
    visitor.get("/sign-in")
    assert visitor.post("/sign-in", {"csrf_token": stolen, "name": "Mallory"}).status_code == 403


def test_a_form_sent_from_another_site_is_refused(visitor: Visitor) -> None:
    """Also with the right token: the browser says where it comes from."""
    right = token(visitor.get("/sign-in").text)
    answer = visitor.post("/sign-in", {"csrf_token": right, "name": "A"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 77 * 77 }}"])
def test_what_people_type_is_shown_as_they_typed_it(visitor: Visitor, text: str) -> None:
    """In titles, details, names and the search field, mark-up stays text."""
    visitor.sign_in(text)
    visitor.write(text, text)
    assert visitor.titles() == [text]
    for page in (visitor.get("/").text, visitor.get("/", query_string={"q": text}).text):
        assert "<script>" not in page
        assert "<img src=x" not in page
        assert "5929" not in re.sub(r'value="[0-9a-f]{64}"', "", page)  # a token may hold any digits


def test_what_is_too_big_is_refused(visitor: Visitor) -> None:
    """A body over 64 KiB is not read; details over 4000 characters are not stored."""
    visitor.sign_in()
    assert visitor.write("Big", "x" * 70_000).status_code == 413
    assert visitor.write("Big", "x" * 4_001).status_code == 422
    assert visitor.titles() == []


def test_a_forged_session_is_nobody(visitor: Visitor, world: World) -> None:
    """A cookie that was signed with another key signs nobody in."""
    cookie = _cookies(visitor.sign_in("Amira"))[0].split(";")[0]
    assert "Sign out" in Visitor(world.app(), cookie=cookie).get("/").text
    world.keep("session", key="another key of enough length")
    assert "Sign out" not in Visitor(world.app(), cookie=cookie).get("/").text


def test_files_are_kept_by_browsers_only_under_the_revision_that_serves_them(visitor: Visitor) -> None:
    """While two revisions are up, the new page's style sheet must not be kept in the old one's version."""
    ours = visitor.get("/static/style.css?v=unbuilt").headers["Cache-Control"]
    other = visitor.get("/static/style.css?v=123456789abc").headers["Cache-Control"]
    assert ("immutable" in ours, other) == (True, "no-cache")
    assert visitor.get("/").headers["Cache-Control"] == "no-store"


def test_a_database_and_a_cache_are_verified_strictly(world: World, tmp_path: Path) -> None:
    """On each Python: from 3.13 on it is the default. The certificate lacks what RFC 5280 asks for."""
    from shiftlog.config import Cache
    from shiftlog.database import trust
    from shiftlog.sessions import store

    ca, certificate, key = issue_lax(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="Missing Authority Key Identifier"):
        handshake(trust(str(ca)), certificate, key)
    with (
        serving(certificate, key) as port,
        pytest.raises(RedisError, match="Missing Authority Key Identifier"),
        store(Cache("127.0.0.1", port, tls_ca=str(ca))) as client,
    ):
        client.connection_pool.make_connection().connect()


def _cookies(answer: TestResponse) -> list[str]:
    return answer.headers.getlist("Set-Cookie")
