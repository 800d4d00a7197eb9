"""What can be done with entries: write, read page by page, search, delete."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from shiftlog.models import AUTHOR, BODY, TITLE, Entry, Severity

PAGE = 20
#: Joins the parts of an emoji; the other format characters overrule the direction of text, or hide in it.
_JOINER = "\u200d"
#: Letters, marks and symbols, by their category, of which nothing is seen: fillers, blanks and selectors.
_BLANK = {chr(code) for code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x1D159)}
_BLANK |= {chr(code) for code in (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, with the ids that lead to the pages beside it (0 for none)."""

    entries: list[Entry]
    older: int
    newer: int


@dataclass
class Draft:
    """An entry as somebody typed it, with what is wrong with it by field."""

    severity: str = Severity.NOTE
    title: str = ""
    body: str = ""
    problems: dict[str, str] = field(default_factory=dict)


def page(session: Session, query: str = "", before: int = 0, after: int = 0) -> Page:
    """Entries older than ``before``, newer than ``after``, or the newest: by id, which stays put while others write."""
    wanted = select(Entry)
    if query:
        wanted = wanted.where(
            or_(*(c.icontains(query, autoescape=True) for c in (Entry.title, Entry.body, Entry.author)))
        )
    if after:
        upwards = wanted.where(Entry.id > after).order_by(Entry.id).limit(PAGE + 1)
        found = list(session.scalars(upwards))
        shown, more_older, more_newer = found[:PAGE][::-1], True, len(found) > PAGE
    else:
        downwards = wanted.where(Entry.id < before) if before else wanted
        found = list(session.scalars(downwards.order_by(Entry.id.desc()).limit(PAGE + 1)))
        shown, more_older, more_newer = found[:PAGE], len(found) > PAGE, bool(before)
    older = shown[-1].id if shown and more_older else 0
    newer = shown[0].id if shown and more_newer else 0
    return Page(shown, older, newer)


def draft(form: Mapping[str, str]) -> Draft:
    """Read what was typed, and say by field what is wrong with it."""
    typed = Draft(
        severity=form.get("severity", ""),
        title=one_line(form.get("title", "")),
        body=_printable(form.get("body", "").replace("\r\n", "\n").replace("\r", "\n")).strip(),
    )
    if typed.severity not in list(Severity):
        typed.problems["severity"] = "Choose what kind of entry this is."
    if not _shows(typed.title):
        typed.problems["title"] = "Say in a few words what happened."
    if len(typed.title) > TITLE:
        typed.problems["title"] = f"Use at most {TITLE} characters; these are {len(typed.title)}."
    if len(typed.body) > BODY:
        typed.problems["body"] = f"Use at most {BODY} characters; these are {len(typed.body)}."
    return typed


def write(session: Session, author: str, typed: Draft) -> Entry:
    """Add the entry to the log; it has its id on return."""
    entry = Entry(author=author, severity=typed.severity, title=typed.title, body=typed.body)
    session.add(entry)
    session.flush()
    return entry


def author_name(text: str) -> tuple[str, str]:
    """A name to sign in with, and what is wrong with it (empty when nothing is)."""
    seen = "".join(c for c in _printable(text) if c != _JOINER and c not in _BLANK)
    name = one_line(unicodedata.normalize("NFKC", seen))
    if not _shows(name):
        return name, "Type the name to show with your entries."
    if len(name) > AUTHOR:
        return name, f"Use at most {AUTHOR} characters; these are {len(name)}."
    return name, ""


def one_line(text: str) -> str:
    """Without line breaks, control characters and doubled spaces."""
    return " ".join(_printable(text.replace("\n", " ").replace("\t", " ")).split())


def _printable(text: str) -> str:
    """Control and format characters can make an entry look like something it is not."""
    allowed = "\n\t" + _JOINER
    return "".join(c for c in text if c in allowed or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))


def _shows(text: str) -> bool:
    """Whether anything of it is seen: a mark needs something to sit on."""
    return any(c not in _BLANK and c != _JOINER and unicodedata.category(c)[0] not in "MZ" for c in text)
