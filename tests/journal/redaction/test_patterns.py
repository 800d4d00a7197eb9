"""No text makes a pattern slow: what a cell prints is redacted before it is saved, whatever it is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.journal.redaction.patterns import PATTERNS, PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor

MEGABYTE = 1_000_000
HEADER, FOOTER = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
# The beginnings of all patterns, and what repeats in them.
PIECES = (
    HEADER, "-----BEGIN ", "PRIVATE KEY", "-----", "\\", "\\n", "<br", "<br />", "ABCDEFGH", "PuTTY-User-Key-File-2",
    "Private-MAC:", "AKIA", "aws", "aws secret", "FwoG", "eyJ", "eyJabcdefghi.", "ghp_", "github_pat_", "xoxb-",
    "https://", "http://a:", "a:", "@", "authorization: ", "bearer ", "--password ", "identified by ", "password",
    "password=", 'password: "', "password = '", "token: ", "&X-Amz-Signature=", "a/", "arn:aws", " ", "\t", "\n",
    "'", '"', "=", "-", "/", ";", "0", "x",
)  # fmt: skip
KEY = f"{HEADER}\n" + "QUJD" * 16 + f"\n{FOOTER}"


def seconds(pattern, text):
    """CPU time of one search through the text."""
    began = time.process_time()
    for _ in pattern.regex.finditer(text):
        pass
    return time.process_time() - began


def megabyte(of):
    return (of * (MEGABYTE // len(of) + 1))[:MEGABYTE]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
@settings(max_examples=8)
@given(unit=st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join))
def test_a_megabyte_takes_less_than_a_second(pattern, unit):
    """Whatever it repeats: no pattern may backtrack."""
    assert seconds(pattern, megabyte(unit)) < 1


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p.name == "private key"], ids=["PEM", "PuTTY"])
@pytest.mark.parametrize(
    "text",
    [
        megabyte(HEADER),
        megabyte(f"{HEADER} "),
        HEADER + megabyte("a b "),
        HEADER + megabyte("ABCDEFGH "),
        HEADER + megabyte("\\"),
        megabyte(f"{HEADER} The file has to begin with that, and to end with END in the place of BEGIN, "),
        megabyte(f"{KEY}\n2026-11-28 01:00:00 INFO installed the key of the bastion in 1.2 s\n"),
        megabyte("PuTTY-User-Key-File-2"),
        "PuTTY-User-Key-File-2" + megabyte("a\n"),
    ],
    ids=["headers", "spaced", "words", "body", "backslashes", "prose", "log", "PuTTY", "PuTTY body"],
)
def test_what_only_looks_like_a_key_is_quick(pattern, text):
    """A key without an end, a text about keys, a key in a long log."""
    assert seconds(pattern, text) < 1


def test_a_key_goes_and_what_follows_it_stays():
    """The lines of a log after a complete key are no part of it."""
    log = "2026-11-28 01:00:00 INFO installed the key of the bastion in 1.2 s\n" * 20
    assert Redactor().redact_text(f"before\n{KEY}\n{log}") == f"before\n{PLACEHOLDER}\n{log}"


def test_words_about_a_key_stay():
    """Only the header is taken out: it may be the beginning of a key that was cut off."""
    text = "The file has to begin with {} and to end with the same words but END in the place of BEGIN or else not"
    assert Redactor().redact_text(text.format(HEADER)) == text.format(PLACEHOLDER)


@pytest.mark.parametrize("line_break", ["\n", "\\n", "\\\\n", "<br />", "\r\n", " "])
def test_a_key_that_was_cut_off_goes_as_far_as_it_is_there(line_break):
    """In YAML, JSON or HTML, without its end."""
    key = line_break.join([HEADER, "QUJD" * 16, "QUJD" * 16, "QUJD" * 5])
    assert Redactor().redact_text(f"key: {key} !") == f"key: {PLACEHOLDER} !"
