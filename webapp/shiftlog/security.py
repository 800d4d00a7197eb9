"""What keeps a page honest: headers, cookies, and a token in each form."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from flask import Flask, Response, abort, current_app, g, request

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
HSTS = "max-age=31536000"  # a year; other hosts of the domain are not ours to bind
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def is_secure() -> bool:
    """Whether the browser speaks HTTPS: to the load balancer, which says so, or by the public address."""
    return request.is_secure or str(current_app.config["PUBLIC_URL"]).startswith("https://")


def prefixed(name: str) -> str:
    """A cookie's name: browsers take one with this prefix only from this very host, over HTTPS."""
    return f"__Host-{name}" if is_secure() else name


def csrf_token() -> str:
    """For a form's hidden field: only this server can make it from the visitor's cookie."""
    if "csrf" not in g:
        g.csrf = request.cookies.get(prefixed("csrf")) or secrets.token_urlsafe(24)
    return _signed(g.csrf)


def install(app: Flask) -> None:
    """Check each request that changes something; put the headers on each answer."""
    app.jinja_env.globals["csrf_token"] = csrf_token

    @app.before_request
    def refuse_forgeries() -> None:
        if request.routing_exception:  # nothing is there that could change: 404 and 405 say so better
            return
        if request.method not in SAFE_METHODS and not (_same_site() and _token_fits()):
            abort(403, "This form is out of date, or came from another site. Go back, load the page again, and retry.")

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if is_secure():
            response.headers["Strict-Transport-Security"] = HSTS
        response.headers.setdefault("Cache-Control", "no-store")
        if "csrf" in g and g.csrf != request.cookies.get(prefixed("csrf")):
            response.set_cookie(prefixed("csrf"), g.csrf, secure=is_secure(), httponly=True, samesite="Lax", path="/")
        return response


def _same_site() -> bool:
    """Browsers say where a request comes from, and scripts cannot make them lie; old ones say nothing."""
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def _token_fits() -> bool:
    cookie = request.cookies.get(prefixed("csrf"), "")
    return bool(cookie) and hmac.compare_digest(request.form.get("csrf_token", "").encode(), _signed(cookie).encode())


def _signed(value: str) -> str:
    key = str(current_app.secret_key).encode()
    return hmac.new(key, b"csrf:" + value.encode(), hashlib.sha256).hexdigest()
