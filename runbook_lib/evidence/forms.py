"""The forms in which a known secret may appear: as it is, escaped, encoded."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.entities import html5
from itertools import groupby

SHORT = 8
"""A secret shorter than this is only looked for as a word of its own: its letters are elsewhere, too."""

_AS_IT_IS = re.compile(r"[A-Za-z0-9_.~-]")  # nothing escapes these: RFC 3986, section 2.3
_NAMES: dict[str, list[str]] = {}
for _name, _letter in html5.items():
    if _name.endswith(";"):
        _NAMES.setdefault(_letter, []).append(_name)
_BACKSLASH = r"(?:\\|%(?:25)*5[cC]|&(?:amp;)*(?:\#0*92|\#[xX]0*5[cC]|bsol);)"
_WRAP = r"(?:\\+[nr]|\s)*"


@dataclass(frozen=True)
class Form:
    """One way to write a secret.

    Args:
        probes: Texts of which one is there wherever the form is; empty when there is none for sure.
    """

    pattern: re.Pattern[str]
    probes: tuple[str, ...]

    def found(self, text: str) -> Iterator[re.Match[str]]:
        """Where it stands."""
        if not self.probes or any(probe in text for probe in self.probes):
            yield from self.pattern.finditer(text)


def forms(secret: str) -> tuple[Form, ...]:
    """Every form of a secret that is looked for."""
    found = [_escaped(secret)]
    raw = secret.encode("utf-8", errors="surrogatepass")
    if len(secret) >= SHORT:
        found += [_wrapped(core) for core in _base64(raw)]
        found.append(Form(re.compile(f"(?i:{raw.hex()})"), (raw.hex(), raw.hex().upper())))
    return tuple(found)


def _escaped(secret: str) -> Form:
    """As it is, and in JSON, Python, HTML and URLs, also one in the other."""
    text = "".join(map(_letter_forms, secret))
    if len(secret) < SHORT:
        text = f"(?<![A-Za-z0-9]){text}(?![A-Za-z0-9])"
    runs = ["".join(run) for plain, run in groupby(secret, key=lambda c: bool(_AS_IT_IS.match(c))) if plain]
    longest = max(runs, key=len, default="")
    return Form(re.compile(text), (longest,) if len(longest) > 2 else ())


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
        if len(core) >= SHORT:
            yield core


def _wrapped(core: str) -> Form:
    """Base64 of either alphabet, over several lines or in a URL."""
    other = {"+": r"(?:[+-]|%2[bB])", "/": r"(?:\\*/|_|%2[fF])"}
    text = _WRAP.join(other.get(letter, letter) for letter in core)
    plain = re.findall(r"[A-Za-z0-9]+", core)
    ends = tuple(part[:6] for part in plain if len(part) >= 6)
    return Form(re.compile(text), ends if len(ends) > 1 else ())
