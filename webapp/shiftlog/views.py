"""The pages: the log, signing in and out, writing and deleting."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, abort, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from shiftlog import entries, errors
from shiftlog.entries import Draft
from shiftlog.models import AUTHOR, BODY, TITLE, Entry, Severity
from shiftlog.services import services

Answer = str | tuple[str, int] | AnyResponse
LAST_ID = 2**31 - 1


def install(app: Flask) -> None:
    """Addresses, and what every template knows."""
    app.before_request(_sessions_needed)
    app.after_request(_static_files)
    app.context_processor(_known)
    app.add_url_rule("/", view_func=log)
    app.add_url_rule("/favicon.ico", view_func=lambda: redirect(url_for("static", filename="icon.svg")))
    app.add_url_rule("/entries", view_func=write, methods=["POST"])
    app.add_url_rule("/entries/<int:number>/delete", view_func=delete, methods=["GET", "POST"])
    app.add_url_rule("/sign-in", view_func=sign_in, methods=["GET", "POST"])
    app.add_url_rule("/sign-out", view_func=sign_out, methods=["POST"])


def log() -> Answer:
    """The newest entries, or those found, page by page."""
    return _log(Draft())


def write() -> Answer:
    """Add an entry, or show again what was typed with what is wrong with it."""
    if not _name():
        return redirect(url_for("sign_in"))
    typed = entries.draft(request.form)
    if typed.problems:
        return make_response(_log(typed), 422)
    with services().database() as database, database.begin():
        entry = entries.write(database, _name(), typed)
    return redirect(url_for("log", _anchor=f"entry-{entry.id}"), 303)


def delete(number: int) -> Answer:
    """Ask first (there is no script that could), then delete: one's own entries only."""
    with services().database() as database, database.begin():
        entry = database.get(Entry, number) if number <= LAST_ID else None
        if entry is None:
            abort(404)
        if not _name() or entry.author != _name():
            abort(403)
        if request.method == "GET":
            return render_template("delete.html", entry=entry)
        database.delete(entry)
    return redirect(url_for("log", deleted=1), 303)


def sign_in() -> Answer:
    """A name is all it takes."""
    if request.method == "GET":
        return render_template("sign_in.html", name=_name(), problem="")
    name, problem = entries.author_name(request.form.get("name", ""))
    if problem:
        return make_response(render_template("sign_in.html", name=name, problem=problem), 422)
    session.clear()
    session["name"] = name
    session.permanent = True
    return redirect(url_for("log"), 303)


def sign_out() -> Answer:
    """Forget who it was."""
    session.clear()
    return redirect(url_for("log"), 303)


def _log(typed: Draft) -> str:
    query = entries.one_line(request.args.get("q", ""))[:TITLE]
    before, after = (min(request.args.get(key, 0, type=int), LAST_ID) for key in ("before", "after"))
    page = entries.Page([], 0, 0)
    if services().engine is not None:
        with services().database() as database:
            page = entries.page(database, query, before, after)
    return render_template("log.html", page=page, query=query, typed=typed, deleted="deleted" in request.args)


def _name() -> str:
    return str(session.get("name", ""))


def _sessions_needed() -> Response | None:
    """Nothing can be changed while nobody knows who asks."""
    lost = getattr(session, "unavailable", False)
    return errors.sessions_lost() if lost and request.method == "POST" else None


def _known() -> dict[str, Any]:
    here = services()
    return {
        "instance": here.instance,
        "revision": here.settings.revision,
        "notice": here.notice,
        "no_database": here.engine is None,
        "signed_in_as": _name(),
        "sessions_lost": getattr(session, "unavailable", False),
        "severities": list(Severity),
        "limits": {"author": AUTHOR, "title": TITLE, "body": BODY},
    }


def _static_files(response: Response) -> Response:
    """Kept by browsers under our revision only: during a deployment, two revisions answer under one address."""
    if request.endpoint == "static" and response.status_code == 200:
        ours = request.args.get("v") == services().settings.revision[:12]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if ours else "no-cache"
    return response
