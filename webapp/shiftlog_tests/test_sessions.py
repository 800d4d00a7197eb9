"""Being signed in: on every instance, and while the cache is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.support.processes import until
from tests.support.servers import Redis

from .visitor import Visitor, token
from .world import Instance, World


@pytest.mark.exhaustive
def test_signing_in_survives_the_instance_that_did_it(cached_world: World, instances: Callable[..., Instance]) -> None:
    """Two instances share the sessions of the cache; when one dies, the other knows who asks."""
    first, second = instances(cached_world), instances(cached_world, INSTANCE_ID="i-second")
    browser = requests.Session()
    form = {"csrf_token": token(browser.get(f"{first.url}/sign-in").text), "name": "Amira"}
    assert "Amira" in browser.post(f"{first.url}/sign-in", form).text
    first.kill()
    page = browser.get(second.url).text
    assert "Amira" in page
    assert "i-second" in page
    entry = {"csrf_token": token(page), "title": "Went on", "severity": "note"}
    assert "Went on" in browser.post(f"{second.url}/entries", entry).text


def test_signed_cookies_work_on_every_instance_without_a_cache(world: World) -> None:
    """The default needs nothing but the shared key."""
    visitor = Visitor(world.app())
    cookie = visitor.sign_in("Amira").headers["Set-Cookie"].split(";")[0]
    assert "Amira" in Visitor(world.app(), cookie=cookie).get("/").text


def test_a_lost_cache_leaves_the_log_readable(cached_world: World, cache: Redis) -> None:
    """Reading goes on, changes are refused clearly, and who was signed in still is once the cache is back."""
    visitor = Visitor(cached_world.app())
    visitor.sign_in("Amira")
    visitor.write("Before")
    form = {"csrf_token": token(visitor.get("/").text), "title": "During", "severity": "note"}
    with cache.away():
        page = visitor.get("/")
        assert page.status_code == 200
        assert "Nobody can sign in or write just now" in page.text
        assert visitor.titles() == ["Before"]
        refused = visitor.post("/entries", form)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert visitor.get("/healthz").status_code == 200
        ready = visitor.get("/readyz")
        assert (ready.status_code, ready.json["parts"]["cache"]["state"]) == (503, "unreachable")
    until(lambda: "Sign out" in visitor.get("/").text)
    assert visitor.post("/entries", form).status_code == 303
    assert visitor.titles() == ["During", "Before"]


@pytest.mark.exhaustive
def test_nobody_can_sign_in_while_the_cache_is_lost(cached_world: World, cache: Redis) -> None:
    """A first sign-in in that time is a clear 503, not a promise that is forgotten; it works afterwards."""
    visitor = Visitor(cached_world.app())
    with cache.away():
        refused = visitor.sign_in("Amira")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert "Signing in does not work just now" in refused.text
    until(lambda: visitor.sign_in("Amira").status_code == 303)


@pytest.mark.parametrize("value", ["", "no JSON", "[1]", "null", '"Amira"', b"\xff\xfe\x00"])
def test_a_stored_session_that_makes_no_sense_is_none(cached_world: World, cache: Redis, value: str | bytes) -> None:
    """Whatever the store holds under its id, the visitor is nobody and can sign in again."""
    visitor = Visitor(cached_world.app())
    visitor.sign_in("Amira")
    (name,) = cache.client.scan_iter()
    cache.client.set(name, value)
    page = visitor.get("/")
    assert (page.status_code, "Sign out" in page.text) == (200, False)
    assert visitor.sign_in("Amira").status_code == 303
    assert "Sign out" in visitor.get("/").text


def test_an_id_planted_before_signing_in_is_worth_nothing(cached_world: World, cache: Redis) -> None:
    """Signing in gives a new id; signing out takes it from the store; the store never holds an id itself."""
    planted = "__Host-session=planted"
    visitor = Visitor(cached_world.app(), cookie=planted)

    def signed_in(cookie: str) -> bool:
        return "Sign out" in Visitor(cached_world.app(), cookie=cookie).get("/").text

    given = visitor.sign_in("Amira").headers["Set-Cookie"].split(";")[0]
    assert given != planted
    assert (signed_in(given), signed_in(planted)) == (True, False)
    key = given.partition("=")[2]
    assert not [name for name in cache.client.scan_iter() if key.encode() in name]
    visitor.submit("/", "/sign-out")
    assert not signed_in(given)
