"""The log as its users meet it: sign in, write, read, search, delete."""

from __future__ import annotations

import re

import pytest

from .visitor import Visitor
from .world import World


@pytest.fixture
def amira(world: World) -> Visitor:
    """Somebody who is signed in."""
    visitor = Visitor(world.app())
    visitor.sign_in("Amira")
    return visitor


def test_a_signed_in_person_writes_and_everybody_reads(amira: Visitor, world: World) -> None:
    """What one writes, another sees at once, with name and kind, without signing in."""
    answer = amira.write("Checkout answers 502", "Only in one zone.", "incident")
    assert (answer.status_code, answer.location[:8]) == (303, "/#entry-")
    page = Visitor(world.app()).get("/").text
    for text in ("Checkout answers 502", "Only in one zone.", "Amira", "Incident"):
        assert text in page


def test_nobody_writes_without_a_name(world: World) -> None:
    """Who is not signed in is sent to sign in, and nothing is written."""
    visitor = Visitor(world.app())
    answer = visitor.submit("/sign-in", "/entries", title="Anonymous", severity="note")
    assert answer.location == "/sign-in"
    assert visitor.titles() == []


#: Zero width space, word joiner, soft hyphen, Hangul and Braille blanks, joiners, selectors, a mark on nothing.
NOTHING = [
    *("\u200b", "\u2060", "\u00ad", "\u3164", "\uffa0", "\u115f", "\u2800", "\u200d", "\u200c", "\ufe0f", "\u180e"),
    *("\u202e", "\ufeff", "\u034f", "\U000e0041", "\U000e0100", "\u0301", "\u3000", "\u2028", "\u200b \u3164\u2800"),
]


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, *NOTHING])
def test_a_name_has_something_to_read(world: World, name: str) -> None:
    """An empty, endless or invisible name is refused, saying why."""
    answer = Visitor(world.app()).sign_in(name)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "name",
    [
        "Ame\u0301lie",
        "Ame\u200b\u0301lie",
        "\u2060Am\u00e9lie",
        "Am\u00ad\u00e9\u200dlie",
        "Am\u00e9lie\ufe0f",
        "Am\u00e9lie\u3164",
    ],
)
def test_nobody_can_look_like_somebody_else(world: World, name: str) -> None:
    """What cannot be seen in a name is not part of it: the names that look the same are the same."""
    visitor = Visitor(world.app())
    assert visitor.sign_in(name).status_code == 303
    assert 'title="Signed in as Am\u00e9lie"' in visitor.get("/").text


@pytest.mark.parametrize("title", NOTHING)
def test_a_title_has_something_to_read(amira: Visitor, title: str) -> None:
    """An invisible title is refused as a missing one is."""
    answer = amira.write(title)
    assert (answer.status_code, 'id="title-problem"' in answer.text) == (422, True)
    assert amira.titles() == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\U0001f469\u200d\U0001f692 at work", "\U0001f469\u200d\U0001f692 at work"),  # a woman firefighter
        ("\u2764\ufe0f", "\u2764\ufe0f"),  # a red heart, not a black one
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("safe\u202etxt.exe", "safetxt.exe"),
        ("pass\u200bword", "password"),
    ],
)
def test_a_title_is_kept_as_it_looks(amira: Visitor, typed: str, kept: str) -> None:
    """Emoji and accents stay whole; what hides or turns text round goes."""
    amira.write(typed)
    assert amira.titles() == [kept]


def test_signing_out_forgets_the_name(amira: Visitor) -> None:
    """After signing out, the browser is nobody again."""
    amira.submit("/", "/sign-out")
    assert "Sign out" not in amira.get("/").text


def test_what_was_typed_is_not_lost_on_a_mistake(amira: Visitor) -> None:
    """A form with a mistake comes back filled in, each mistake named beside its field."""
    answer = amira.write("", "A long story", "nonsense")
    assert answer.status_code == 422
    assert "A long story" in answer.text
    assert re.search(r'aria-describedby="title-problem"', answer.text)
    assert 'id="severity-problem"' in answer.text
    assert amira.titles() == []


def test_long_logs_come_page_by_page(amira: Visitor) -> None:
    """Twenty entries a page, newest first; older and newer lead there and back, also while others write."""
    for number in range(45):
        amira.write(f"Entry {number:02}")
    first = amira.get("/").text
    older = re.search(r'href="(/\?before=\d+)"', first)
    assert older
    assert amira.titles() == [f"Entry {number:02}" for number in range(44, 24, -1)]
    amira.write("Written meanwhile")
    assert amira.titles(older[1]) == [f"Entry {number:02}" for number in range(24, 4, -1)]
    newer = re.search(r'href="(/\?after=\d+)"', amira.get(older[1]).text)
    assert newer
    assert amira.titles(newer[1]) == [f"Entry {number:02}" for number in range(44, 24, -1)]


def test_search_finds_in_titles_details_and_names(amira: Visitor) -> None:
    """Whatever the case; % and _ are searched for, not obeyed."""
    amira.write("Disk 80% full", "on reporting_host")
    amira.write("All quiet")
    assert amira.titles("/?q=DISK") == ["Disk 80% full"]
    assert amira.titles("/?q=reporting_host") == ["Disk 80% full"]
    assert amira.titles("/?q=80%25") == ["Disk 80% full"]
    assert amira.titles("/?q=amira") == ["All quiet", "Disk 80% full"]
    assert "Nothing found" in amira.get("/?q=a_l").text


def test_ones_own_entry_can_be_deleted_after_a_question(amira: Visitor) -> None:
    """A page asks first; then the entry is gone."""
    path = amira.write("A mistake").location.replace("#entry-", "entries/") + "/delete"
    assert "Delete this entry?" in amira.get(path).text
    assert amira.titles() == ["A mistake"]
    assert amira.submit(path, path).status_code == 303
    assert amira.titles() == []
    assert amira.get(path).status_code == 404


def test_nobody_deletes_the_entry_of_another(amira: Visitor, world: World) -> None:
    """Neither another person nor nobody can, whatever they send."""
    path = amira.write("Mine").location.replace("#entry-", "entries/") + "/delete"
    other = Visitor(world.app())
    assert other.submit("/sign-in", path).status_code == 403
    other.sign_in("Jonas")
    assert other.get(path).status_code == 403
    assert other.submit("/", path).status_code == 403
    assert amira.titles() == ["Mine"]


@pytest.mark.parametrize("path", ["/nowhere", "/entries/99999999999999999999/delete", "/?before=99999999999999999999"])
def test_a_wrong_address_is_answered_calmly(world: World, path: str) -> None:
    """Numbers beyond the database's and pages that never were make no server error."""
    assert Visitor(world.app()).get(path).status_code in (200, 404)


def test_every_page_says_who_served_it(world: World) -> None:
    """Instance, zone and revision are in the footer: of pages and of error pages."""
    visitor = Visitor(world.app())
    for path in ("/", "/sign-in", "/nowhere"):
        page = visitor.get(path).text
        assert "i-0123456789abcdef0" in page
        assert "us-west-2a" in page
        assert "unbuilt" in page


def test_a_mistake_of_ours_is_a_calm_page(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """500 with all headers and the id to ask about; what went wrong is in the log, and not on the page."""
    monkeypatch.setattr("shiftlog.views.entries.page", lambda *_: 1 / 0)
    answer = Visitor(world.app()).get("/", headers={"X-Request-Id": "trace-42"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "trace-42")
    assert "Something went wrong on our side" in answer.text
    assert "trace-42" in answer.text
    for inside in ("Traceback", "ZeroDivisionError", "division", "shiftlog"):
        assert inside not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ZeroDivisionError" in caplog.text


def test_without_a_database_the_page_says_so(world: World) -> None:
    """The application starts, says plainly that there is no database, and is ready: nothing more is to come."""
    world.configure(database=None)
    visitor = Visitor(world.app())
    assert "No database is configured" in visitor.get("/").text
    assert visitor.get("/readyz").status_code == 200
    visitor.sign_in()
    refused = visitor.submit("/", "/entries", title="Lost", severity="note")
    assert refused.status_code == 503
    assert "Load this page again" not in refused.text, "it would ask for the address of the form"


def test_a_stand_in_database_is_named_on_every_page(world: World) -> None:
    """Development's SQLite can be taken for nothing else."""
    visitor = Visitor(world.app(DATABASE_URL="sqlite://"))
    assert "SQLite is used instead of MySQL." in visitor.get("/sign-in").text
