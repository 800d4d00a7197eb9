"""Regular expressions for a known secret in all its forms: plain, escaped, encoded and truncated."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html.entities import html5
from itertools import groupby

MIN_SUBSTRING = 8
"""A shorter secret is only searched for as a separate word: longer words may contain it by chance."""

MIN_FRAGMENT = 16
"""Of secrets of this length, truncated forms of at least ``MIN_SUBSTRING`` letters are searched for, too."""

_UNESCAPED = re.compile(r"[A-Za-z0-9_.~-]")  # never escaped: RFC 3986, section 2.3
_ENTITIES: dict[str, list[str]] = {}
for _name, _letter in html5.items():
    if _name.endswith(";"):
        _ENTITIES.setdefault(_letter, []).append(f"{_name}?" if _name[:-1] in html5 else _name)
"""The names of each letter.  Browsers read the oldest, and all numbers, without the semicolon, too.

https://html.spec.whatwg.org/multipage/parsing.html#named-character-reference-state
"""
_RUN = r"\\{1,16}+"
"""Backslashes as they are, four times nested in JSON.  All repeats are bounded: a search that starts at each backslash
of a long run must not read the whole run each time."""
_ESCAPED_BACKSLASH = r"%(?:25){0,8}+5[cC]|&(?:amp;){0,8}+(?:\#0*+92|\#[xX]0*+5[cC]|bsol);"
_BACKSLASHES = rf"(?:{_RUN}|{_ESCAPED_BACKSLASH}){{1,8}}+"
_LINE_BREAK = rf"(?:{_RUN}[nr]|\s)*+"
_ELLIPSIS = (
    rf"(?:\.{{3}}|…|{_RUN}(?:u2026|xe2{_RUN}x80{_RUN}xa6)"
    r"|&(?:amp;){0,8}+(?:hellip|mldr|\#0*+8230|\#[xX]0*+2026);"
    r"|(?i:%(?:25){0,8}+e2%(?:25){0,8}+80%(?:25){0,8}+a6))"
)
_CUT_ESCAPE = (
    r"(?:(?:\\{1,16}u[dD][89abAB][0-9a-fA-F]{2})?(?:\\{1,16}(?:[uU][0-9a-fA-F]{0,8}|x[0-9a-fA-F]?)?)?"
    r"|&(?:amp;){0,8}\#?\w{0,9}|(?:%(?:25){0,8}[0-9a-fA-F]{0,2}){1,4})?"
)
"""The rest of an escape sequence that was cut in two."""


@dataclass(frozen=True)
class Encoding:
    """One form of a secret.

    Args:
        probe: Every match contains this text, so that texts without it are skipped fast.
    """

    pattern: re.Pattern[str]
    probe: str = ""

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each match."""
        if self.probe in text:
            yield from (match.span() for match in self.pattern.finditer(text))


@dataclass(frozen=True)
class Truncation:
    """The beginning of a secret before an ellipsis, or its end after one.

    pandas truncates a text at 50 letters, ``reprlib`` removes its middle.  The pattern is several
    times as long as the secret and seldom needed, so it is compiled when the first ``MIN_SUBSTRING``
    letters match.

    Args:
        letters: A regular expression for each letter, in their order.
        at_end: Whether the end of the secret is left.
        probe: As in :class:`Encoding`, of the letters that are always left.
    """

    letters: list[str]
    at_end: bool
    probe: str

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each match."""
        if self.probe in text and self._core.search(text):
            yield from (match.span("s") for match in self._pattern.finditer(text))

    @cached_property
    def _core(self) -> re.Pattern[str]:
        return re.compile("".join(self.letters[-MIN_SUBSTRING:] if self.at_end else self.letters[:MIN_SUBSTRING]))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.at_end:
            return re.compile(
                rf"{_ELLIPSIS}[\s\"'\[(<]{{0,3}}(?P<s>{_match_suffix(self.letters[1:-MIN_SUBSTRING])}{self._core.pattern})"
            )
        return re.compile(
            rf"(?P<s>{self._core.pattern}{_match_prefix(self.letters[MIN_SUBSTRING:-1])}{_CUT_ESCAPE})(?=[\s\"';\])>\[(<]{{0,3}}{_ELLIPSIS})"
        )


def encodings_of(secret: str) -> list[Encoding | Truncation]:
    """Return all forms of a secret to search for."""
    encodings: list[Encoding | Truncation] = [_escaped_encoding(secret)]
    if len(secret) >= MIN_FRAGMENT:
        letters = _match_letters(secret)
        encodings += [
            Truncation(letters, False, _longest_unescaped(secret[:MIN_SUBSTRING])),
            Truncation(letters, True, _longest_unescaped(secret[-MIN_SUBSTRING:])),
        ]
    raw = secret.encode("utf-8", errors="surrogatepass")
    if len(secret) >= MIN_SUBSTRING:
        encodings += [_base64_encoding(core) for core in _base64_texts(raw)]
        encodings.append(Encoding(re.compile(f"(?i:{raw.hex()})")))
    return encodings


def _escaped_encoding(secret: str) -> Encoding:
    """Match the secret as it is, and in JSON, Python, HTML and URLs, also nested."""
    text = "".join(_match_letters(secret))
    if len(secret) < MIN_SUBSTRING:
        text = f"(?<![A-Za-z0-9]){text}(?![A-Za-z0-9])"
    return Encoding(re.compile(text), _longest_unescaped(secret))


def _longest_unescaped(secret: str) -> str:
    """Return the longest part that is never escaped."""
    runs = ["".join(run) for plain, run in groupby(secret, key=lambda c: bool(_UNESCAPED.match(c))) if plain]
    return max(runs, key=len, default="")


def _match_prefix(letters: list[str]) -> str:
    """Match the longest beginning of the letters; nested in steps, since ``re`` limits the depth of groups."""
    if not letters:
        return ""
    step, rest = letters[:MIN_SUBSTRING], letters[MIN_SUBSTRING:]
    shorter = ""
    for letter in reversed(step[:-1]):
        shorter = f"(?:{letter}{shorter})?"
    return f"(?:{''.join(step)}{_match_prefix(rest)}|{shorter})"


def _match_suffix(letters: list[str]) -> str:
    """Match the longest end of the letters."""
    if not letters:
        return ""
    rest, step = letters[:-MIN_SUBSTRING], letters[-MIN_SUBSTRING:]
    shorter = ""
    for letter in step[1:]:
        shorter = f"(?:{shorter}{letter})?"
    return f"(?:{_match_suffix(rest)}{''.join(step)}|{shorter})"


def _match_letters(secret: str) -> list[str]:
    """Return a regular expression for each letter, and one for each run of backslashes.

    A run takes all backslashes that are there: apart, one letter of it would leave the next its choice of them.
    """
    matches: list[str] = []
    for is_run, run in groupby(secret, key=lambda letter: letter == "\\"):
        letters = "".join(run)
        if is_run:
            least = len(letters)
            matches.append(rf"(?:(?:\\|{_ESCAPED_BACKSLASH})(?:u005[cC]|x5[cC])?+){{{least},{least + 16}}}+")
        else:
            matches.append(_match_letter(letters[0], after_run=bool(matches)))
            matches += map(_match_letter, letters[1:])
    return matches


def _match_letter(letter: str, *, after_run: bool = False) -> str:
    """Match any letter but the backslash in each of its forms.

    Args:
        after_run: Whether the backslashes before it are matched already.
    """
    if _UNESCAPED.match(letter):
        return re.escape(letter)
    code = ord(letter)
    octets = letter.encode("utf-8", errors="surrogatepass")
    amp = "&(?:amp;){0,8}"
    forms = [
        re.escape(letter),
        "".join(rf"%(?:25){{0,8}}(?i:{octet:02x})" for octet in octets),
        rf"{amp}\#0*+{code}(?:;|(?!\d))",
        rf"{amp}\#[xX]0*+(?i:{code:x})(?:;|(?![0-9a-fA-F]))",
        *(rf"{amp}{name}" for name in _ENTITIES.get(letter, ())),
    ]
    escapes = [rf"U(?i:{code:08x})", *([rf"x(?i:{code:02x})"] if code < 256 else []), _match_utf16(letter)]
    escapes += {"\r": ["r"], "\t": ["t"]}.get(letter, [])  # a secret with "\n" is searched for line by line
    forms += [r"\+"] if letter == " " else []
    optional = f"(?:{_BACKSLASHES})?+"
    before = optional if letter in ('"', "'", "/") else ""
    return f"(?:{before}(?:{'|'.join(forms)})|{optional if after_run else _BACKSLASHES}(?:{'|'.join(escapes)}))"


def _match_utf16(letter: str) -> str:
    """Match the letter as JSON escapes it: as a surrogate pair outside the basic plane."""
    raw = letter.encode("utf-16-be", errors="surrogatepass").hex()
    return _BACKSLASHES.join(f"u(?i:{raw[at : at + 4]})" for at in range(0, len(raw), 4))


def _base64_texts(raw: bytes) -> Iterable[str]:
    """Yield the base64 texts of the secret that do not depend on what was encoded before it, e.g. ``user:``."""
    for before, skip in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(before) + raw).decode()
        yield whole[skip : (before + len(raw)) * 8 // 6]


def _base64_encoding(core: str) -> Encoding:
    """Match a base64 text in both alphabets, also over several lines or in a URL."""
    other = {"+": r"(?:[+-]|%2[bB])", "/": r"(?:\\{0,16}+/|_|%2[fF])"}
    return Encoding(re.compile(_LINE_BREAK.join(other.get(letter, letter) for letter in core)))
