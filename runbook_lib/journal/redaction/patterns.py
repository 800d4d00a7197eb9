"""Patterns of secrets that are not known beforehand: keys, tokens and passwords."""

from __future__ import annotations

import re
from dataclasses import dataclass

PLACEHOLDER = "[redacted]"
"""The text that replaces a secret."""


@dataclass(frozen=True)
class Pattern:
    """A kind of secret.

    Args:
        name: The name under which redactions of this kind are counted.
        regex: The secret is the group ``s``, or the whole match when there is no such group.
        code: False when source code has harmless matches, e.g. assignments of variables.
        words: One of them, in small letters, is in every match.  Most texts have none: to look for them takes a
            hundredth of the time that the expression takes.  Where the expression ignores case it has
            no i: dotted and dotless ones match as well, which no folding makes equal.
    """

    name: str
    regex: re.Pattern[str]
    code: bool = True
    words: tuple[str, ...] = ()


def secret_names(separator: str) -> str:
    """Return a regular expression for names of fields that hold secrets.

    Args:
        separator: A regular expression for what may be between the words of a name.
    """
    return (
        rf"(?:password|passwd|passphrase|pwd|private{separator}key|client{separator}secret|api{separator}key"
        rf"|secret{separator}(?:access{separator}key|key|string|binary)|key{separator}material"
        rf"|(?:auth|session|security|access|refresh|id){separator}token)"
    )


_FIELD = secret_names("[_-]?")
_FIELD_WORDS = ("passw", "passphrase", "pwd", "key", "secret", "token")
"""One of them is in each name of :func:`secret_names`."""
_NOT_SECRET = (
    r"(?!\[redacted|\*+(?:[\s\"'<,;&]|$)|arn:aws|(?i:true|false|none|null|nan|yes|no)\b"
    r"|[a-z0-9-]+(?:/[\w.-]+)+(?:[\s\"'<,;&]|$))"
)
_BREAK = r"(?:\s|\\++[nrt]|<br\s*+/?+>)"
_KEY = r"(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_PEM_BODY = rf"(?>(?:(?!-----(?:BEGIN|END) )(?:{_BREAK}|[A-Za-z0-9+/=:,. -])){{0,20000}})"
_PEM_START = rf"(?>(?:{_BREAK}*+[A-Za-z0-9+/=]{{8,}}+){{0,400}})"

PATTERNS = (
    Pattern(
        "private key",
        re.compile(rf"-----BEGIN {_KEY}(?:{_PEM_BODY}-----END {_KEY}|{_PEM_START})"),
        words=("private key",),
    ),
    Pattern(
        "private key",
        re.compile(
            r"PuTTY-User-Key-File-\d(?>(?:(?!PuTTY-User-Key-File-|Private-MAC:)[\s\S]){0,20000})Private-MAC: ?[0-9a-f]+"
        ),
        words=("putty-user-key-file-",),
    ),
    Pattern(
        "AWS key",
        re.compile(
            r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"
            r"(?:[\s\"',:;|]{1,8}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))?"
        ),
        words=("akia", "asia", "abia", "acca"),
    ),
    Pattern(
        "AWS key",
        re.compile(r"(?i:aws.{0,24}(?:secret|key).{0,24})[\s\"'=:]+(?P<s>[A-Za-z0-9/+]{40})(?![\w/+=])"),
        words=("aws",),
    ),
    Pattern(
        "AWS token",
        re.compile(r"(?<![A-Za-z0-9])(?:FwoG|FQoG|IQoJ)[A-Za-z0-9/+=%_-]{60,}"),
        words=("fwog", "fqog", "iqoj"),
    ),
    Pattern(
        "signed URL",
        re.compile(r"(?i:[?&;]X-Amz-(?:Signature|Security-Token)=)(?P<s>(?!\[redacted)[^&\s\"'<>]+)"),
        words=("x-amz-",),
    ),
    Pattern(
        "token",
        re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
        words=("eyj",),
    ),
    Pattern(
        "GitHub token",
        re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{22,255})"),
        words=("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    Pattern(
        "token",
        re.compile(
            r"(?<![A-Za-z0-9])(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{36}"
            r"|pypi-AgE[\w-]{50,}|[sr]k_live_[A-Za-z0-9]{20,}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,})"
        ),
        words=("xox", "glpat-", "npm_", "pypi-age", "k_live_", "aiza", "hf_"),
    ),
    Pattern(
        "password in a URL",
        re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/?#@\"'<>]*:(?P<s>(?!\[redacted)[^\s/?#\"'<>]+)@"),
        words=("://",),
    ),
    Pattern(
        "credentials",
        re.compile(
            r"(?i:authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:bearer|basic|token)\s+)(?P<s>(?!\[redacted)[^\s\"',;<>]{6,})"
        ),
        words=("author",),
    ),
    Pattern(
        "password",
        re.compile(rf"(?i:--?(?:password|passwd|token)\s+){_NOT_SECRET}(?P<s>[^\s\"'<>-][^\s\"'<>]+)"),
        code=False,
        words=("-password", "-passwd", "-token"),
    ),
    Pattern("password", re.compile(r"(?i:identified\s+by\s+)[\"'](?P<s>(?!\[redacted)[^\"']+)[\"']"), words=("dent",)),
    Pattern(
        "password",
        re.compile(rf"(?i:{_FIELD})(?:\\*[\"'])?\s{{0,4}}[:=]\s{{0,4}}\\*(?P<q>[\"']){_NOT_SECRET}(?P<s>[^\"'\n\\]{{1,512}})(?=\\*(?P=q))"),
        words=_FIELD_WORDS,
    ),
    Pattern(
        "password",
        re.compile(
            rf"(?i:{_FIELD})(?:\\*[\"'])?\s{{0,4}}[:=]\s{{0,4}}{_NOT_SECRET}(?P<s>[^\s\"'(){{}}<>\[\],;&\\]{{4,512}})(?![(\[])"
        ),
        code=False,
        words=_FIELD_WORDS,
    ),
)  # fmt: skip
"""In the order in which they are searched.

A pattern must take linear time on any text, since outputs are redacted before they are saved: what repeats is
possessive or atomic, and never runs past the next place where the pattern may begin.
"""
