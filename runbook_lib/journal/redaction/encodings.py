"""The forms in which a known secret may appear: as it is, escaped, encoded, cut short."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from html.entities import html5
from itertools import groupby

MIN_SUBSTRING = 8
"""A secret shorter than this is only looked for as a word of its own: its letters are elsewhere, too."""

MIN_FRAGMENT = 16
"""Of a secret of at least this length, also its beginning and its end of ``MIN_SUBSTRING`` letters are looked for."""

_AS_IT_IS = re.compile(r"[A-Za-z0-9_.~-]")  # nothing escapes these: RFC 3986, section 2.3
_NAMES: dict[str, list[str]] = {}
for _name, _letter in html5.items():
    if _name.endswith(";"):
        _NAMES.setdefault(_letter, []).append(_name)
_BACKSLASH = r"(?:\\|%(?:25)*5[cC]|&(?:amp;)*(?:\#0*92|\#[xX]0*5[cC]|bsol);)"
_WRAP = r"(?:\\+[nr]|\s)*"
_DOTS = (
    r"(?:\.{3}|…|\\+u2026|\\+xe2\\+x80\\+xa6|&(?:amp;)*(?:hellip|mldr|\#0*8230|\#[xX]0*2026);"
    r"|(?i:%(?:25)*e2%(?:25)*80%(?:25)*a6))"
)
_HALF = (
    r"(?:(?:\\+u[dD][89abAB][0-9a-fA-F]{2})?(?:\\+(?:[uU][0-9a-fA-F]*|x[0-9a-fA-F]?)?)?"
    r"|&(?:amp;)*\#?\w{0,9}|(?:%(?:25)*[0-9a-fA-F]{0,2}){1,4})?"
)
"""What is left of an escape that was cut through."""


@dataclass(frozen=True)
class Encoding:
    """One way to write a secret.

    Args:
        probes: Texts of which one is there wherever the form is; empty when there is none for sure.
    """

    pattern: re.Pattern[str]
    probes: tuple[str, ...]

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it stands."""
        if not self.probes or any(probe in text for probe in self.probes):
            yield from (found.span() for found in self.pattern.finditer(text))


@dataclass(frozen=True)
class Truncation:
    """As much of a secret as is left before the dots that stand for the rest, or after them.

    pandas cuts a text at 50 letters, ``reprlib`` takes out its middle.  The pattern is as long as
    the secret several times over, and seldom needed: so it is not
    made before the first ``MIN_SUBSTRING`` letters were seen.

    Args:
        letters: The forms of each letter, in their order.
        behind: Whether it is the end that is left.
        probes: As those of a :class:`Encoding`, of the letters that are always there.
    """

    letters: tuple[str, ...]
    behind: bool
    probes: tuple[str, ...]

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it stands."""
        if (not self.probes or self.probes[0] in text) and self._core.search(text):
            yield from (found.span("s") for found in self._pattern.finditer(text))

    @cached_property
    def _core(self) -> re.Pattern[str]:
        return re.compile("".join(self.letters[-MIN_SUBSTRING:] if self.behind else self.letters[:MIN_SUBSTRING]))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.behind:
            return re.compile(
                rf"{_DOTS}[\s\"'\[(<]{{0,3}}(?P<s>{_last(self.letters[:-MIN_SUBSTRING])}{self._core.pattern})"
            )
        return re.compile(
            rf"(?P<s>{self._core.pattern}{_first(self.letters[MIN_SUBSTRING:])}{_HALF})(?=[\s\"';\])>\[(<]{{0,3}}{_DOTS})"
        )


def encodings_of(secret: str) -> tuple[Encoding | Truncation, ...]:
    """Every form of a secret that is looked for."""
    found: list[Encoding | Truncation] = [_escaped(secret)]
    if len(secret) >= MIN_FRAGMENT:
        letters = tuple(map(_letter_forms, secret))
        found += [
            Truncation(letters, False, _probes(secret[:MIN_SUBSTRING])),
            Truncation(letters, True, _probes(secret[-MIN_SUBSTRING:])),
        ]
    raw = secret.encode("utf-8", errors="surrogatepass")
    if len(secret) >= MIN_SUBSTRING:
        found += [_wrapped(core) for core in _base64(raw)]
        found.append(Encoding(re.compile(f"(?i:{raw.hex()})"), (raw.hex(), raw.hex().upper())))
    return tuple(found)


def _escaped(secret: str) -> Encoding:
    """As it is, and in JSON, Python, HTML and URLs, also one in the other."""
    text = "".join(map(_letter_forms, secret))
    if len(secret) < MIN_SUBSTRING:
        text = f"(?<![A-Za-z0-9]){text}(?![A-Za-z0-9])"
    return Encoding(re.compile(text), _probes(secret))


def _probes(secret: str) -> tuple[str, ...]:
    """The longest part of it that nothing escapes."""
    runs = ["".join(run) for plain, run in groupby(secret, key=lambda c: bool(_AS_IT_IS.match(c))) if plain]
    longest = max(runs, key=len, default="")
    return (longest,) if len(longest) > 2 else ()


def _first(letters: tuple[str, ...]) -> str:
    """Their beginning, as long as it may be; in steps, since an expression of so many levels could not be read."""
    if not letters:
        return ""
    step, rest = letters[:MIN_SUBSTRING], letters[MIN_SUBSTRING:]
    less = ""
    for letter in reversed(step[:-1]):
        less = f"(?:{letter}{less})?"
    return f"(?:{''.join(step)}{_first(rest)}|{less})"


def _last(letters: tuple[str, ...]) -> str:
    """Their end, as long as it may be."""
    if not letters:
        return ""
    rest, step = letters[:-MIN_SUBSTRING], letters[-MIN_SUBSTRING:]
    less = ""
    for letter in step[1:]:
        less = f"(?:{less}{letter})?"
    return f"(?:{_last(rest)}{''.join(step)}|{less})"


def _letter_forms(letter: str) -> str:
    if _AS_IT_IS.match(letter):
        return re.escape(letter)
    code = ord(letter)
    octets = letter.encode("utf-8", errors="surrogatepass")
    amp = "&(?:amp;)*"
    ways = [
        re.escape(letter),
        "".join(rf"%(?:25)*(?i:{octet:02x})" for octet in octets),
        rf"{amp}\#0*{code};",
        rf"{amp}\#[xX]0*(?i:{code:x});",
        *(rf"{amp}{name}" for name in _NAMES.get(letter, ())),
    ]
    coded = [rf"U(?i:{code:08x})", *([rf"x(?i:{code:02x})"] if code < 256 else []), _utf16(letter)]
    coded += {"\n": ["n"], "\r": ["r"], "\t": ["t"]}.get(letter, [])
    ways += {"\n": [r"\r\n"], " ": [r"\+"]}.get(letter, [])
    before = f"{_BACKSLASH}*" if letter in "\"'/" else ""
    if letter == "\\":
        return f"{_BACKSLASH}+(?:u005[cC]|x5[cC])?"
    return f"(?:{before}(?:{'|'.join(ways)})|{_BACKSLASH}+(?:{'|'.join(coded)}))"


def _utf16(letter: str) -> str:
    """How JSON escapes it: beyond the first plane, as two."""
    raw = letter.encode("utf-16-be", errors="surrogatepass").hex()
    first, *second = (f"u(?i:{raw[at : at + 4]})" for at in range(0, len(raw), 4))
    return first + "".join(f"{_BACKSLASH}+{other}" for other in second)


def _base64(raw: bytes) -> Iterable[str]:
    """What of it is the same wherever it begins in what was encoded, e.g. in ``user:password``."""
    for before, skip in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(before) + raw).decode()
        core = whole[skip : (before + len(raw)) * 8 // 6]
        if len(core) >= MIN_SUBSTRING:
            yield core


def _wrapped(core: str) -> Encoding:
    """Base64 of either alphabet, over several lines or in a URL."""
    other = {"+": r"(?:[+-]|%2[bB])", "/": r"(?:\\*/|_|%2[fF])"}
    text = _WRAP.join(other.get(letter, letter) for letter in core)
    plain = re.findall(r"[A-Za-z0-9]+", core)
    ends = tuple(part[:6] for part in plain if len(part) >= 6)
    return Encoding(re.compile(text), ends if len(ends) > 1 else ())
