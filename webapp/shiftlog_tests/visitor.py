"""Somebody at a browser: keeps cookies, fills in forms, needs no script."""

from __future__ import annotations

import itertools
import re
from html import unescape
from typing import Any

import requests
from flask import Flask
from werkzeug.test import TestResponse


class Visitor:
    """At an application in this process, over HTTPS as behind the load balancer; perhaps with a cookie in hand."""

    def __init__(self, app: Flask, *, scheme: str = "https", cookie: str = "") -> None:
        self._client = app.test_client()
        if cookie:  # the client leaves no room for a Cookie header beside its own
            name, _, value = cookie.partition("=")
            self._client.set_cookie(name, value, domain="log.example")
        self._usual: dict[str, Any] = {"base_url": f"{scheme}://log.example"}

    def get(self, path: str, **options: Any) -> TestResponse:
        """Follow a link."""
        return self._client.get(path, **{**self._usual, **options})

    def post(self, path: str, data: dict[str, str], **options: Any) -> TestResponse:
        """Send a form as it is, without the token that its page would have had."""
        return self._client.post(path, data=data, **{**self._usual, **options})

    def send(self, method: str, path: str) -> TestResponse:
        """What no page offers."""
        return self._client.open(path, method=method, **self._usual)

    def submit(self, page: str, path: str, **fields: str) -> TestResponse:
        """Open ``page``, fill in its form, and send it to ``path``."""
        return self.post(path, {"csrf_token": token(self.get(page).text), **fields})

    def sign_in(self, name: str = "Amira") -> TestResponse:
        """All it takes is a name."""
        return self.submit("/sign-in", "/sign-in", name=name)

    def write(self, title: str, body: str = "", severity: str = "note") -> TestResponse:
        """Add an entry."""
        return self.submit("/", "/entries", title=title, body=body, severity=severity)

    def titles(self, path: str = "/") -> list[str]:
        """The entries on a page, from the top."""
        return [unescape(found) for found in re.findall(r'<h2 id="title-\d+">(.*?)</h2>', self.get(path).text)]


class Guest:
    """At real instances, now at one and then at another, as behind the load balancer; notes how each answers."""

    def __init__(self, sites: list[str], answers: list[object]) -> None:
        self._sites, self._answers = itertools.cycle(sites), answers
        self._browser = requests.Session()

    def get(self, path: str) -> str:
        """Follow a link."""
        return self._ask("GET", path)

    def sign_in(self, name: str) -> None:
        """All it takes is a name."""
        self._ask("POST", "/sign-in", {"csrf_token": token(self.get("/sign-in")), "name": name})

    def write(self, title: str) -> None:
        """Add an entry."""
        self._ask("POST", "/entries", {"csrf_token": token(self.get("/")), "title": title, "severity": "note"})

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> str:
        url = next(self._sites) + path
        try:
            answer = self._browser.request(method, url, data=form, timeout=30, allow_redirects=False)
        except requests.RequestException as error:
            self._answers.append(repr(error))
            raise
        self._answers.append(answer.status_code)
        return answer.text


def token(page: str) -> str:
    """The hidden field of a page's form."""
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    assert found, "the page has no form, or its form has no token"
    return found[1]
