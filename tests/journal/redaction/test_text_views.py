"""Colours, tags and escapes hide no secret; and what is not one of them stays as it is."""

import pytest

from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.journal.redaction.text_views import decode

SECRET = "correct-horse-battery"
CODES = ["[0m", "[1;31m", "[38:5:1m", "[?25l", "[K", "[2~", "[@", "[m"]
ESCAPES = [
    "\x1b", "\\u001b", "\\u001B", "\\x1b", "\\x1B", "\\033", "\\\\u001b", "\\\\x1b", "\\\\033", "&#27;", "&#0027;",
    "&#x1b;", "&#X001B;",
]  # fmt: skip


def views(text):
    """How the text is read: the decoded text, how much it was decoded, and whether its escapes were undone."""
    return [(steps[0].text if steps else text, len(steps), unescaped) for steps, unescaped in decode(text)]


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("code", CODES)
def test_a_colour_within_a_secret_hides_nothing_and_stays(escape, code):
    colour = f"{escape}{code}"
    text = f"it is correct{colour}-horse{colour}-battery, {colour}so."
    assert Redactor([SECRET]).redact_text(text) == f"it is {PLACEHOLDER}{colour}{colour}, {colour}so."


@pytest.mark.parametrize("text", ["\x1b(B", "\x1b[", "x1b[0m", "u001b[1m", "033[0m", "\\u001[0m", "&#28;[0m", "[0m"])
def test_what_is_no_colour_is_read_as_it_is(text):
    assert [one for one, _, unescaped in views(text) if not unescaped] == [text]


@pytest.mark.parametrize(
    "tag",
    [
        "<b>", "</b>", "<br/>", "<br />", "<!doctype html>", '<span class="a">', "<span class='a'>", "<A HREF=x>",
        '<span title="it\'s">', "<span title='\"'>", '<span title="">', "<span title=''>",
        f'<span title="{"x" * 900}">',
    ],
)  # fmt: skip
def test_a_tag_within_a_secret_hides_nothing_and_stays(tag):
    text = f"it is correct{tag}-horse{tag}-battery, {tag}so."
    assert Redactor([SECRET]).redact_text(text) == f"it is {PLACEHOLDER}{tag}{tag}, {tag}so."


@pytest.mark.parametrize(
    "text", ["a < b > c", "<1>", "<>", "< b>", '<a "b>', "<a 'b>", "<a <b", f"<b {'x' * 401}>", "a<b"]
)
def test_what_is_no_tag_is_read_as_it_is(text):
    assert views(text) == [(text, 0, False)]


def test_a_tag_is_not_longer_than_a_line_of_markup():
    """Else a lone bracket would make long texts slow."""
    assert views(f"<b {'x' * 399}>")[1:] == [("", 1, False)]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\\u0041b", "aAb"), ("a\\\\u0041b", "aAb"), ("a\\u00e9b", "aéb"), ("a\\u00E9b", "aéb"), ("a\\x41b", "aAb"),
        ("a\\\\x4Ab", "aJb"), ("a\\nb", "a\nb"), ("a\\rb", "a\rb"), ("a\\tb", "a\tb"), ('a\\"b', 'a"b'),
        ("a\\'b", "a'b"), ("a\\/b", "a/b"), ("a\\\\b", "a\\b"), ("a\\\\\\nb", "a\nb"), ("a%41b", "aAb"),
        ("a%c3%a9b", "aéb"), ("a%C3%A9b", "aéb"), ("a%ffb", "a\ufffdb"), ("a&#65;b", "aAb"), ("a&#x41;b", "aAb"),
        ("a&#X41;b", "aAb"), ("a&lt;b", "a<b"), ("a&eacute;b", "aéb"), ("a&#128512;b", "a😀b"),
        ("a&#x1F600;b", "a😀b"),
    ],
)  # fmt: skip
def test_every_escape_is_undone(text, plain):
    assert views(text)[1] == (plain, 1, True)


@pytest.mark.parametrize(
    "text", ["\\u00", "\\u00zz", "\\x4", "\\xzz", "\\b", "\\a", "%4", "%zz", "&;", "&#;", "&x", "&#x;"]
)
def test_what_is_no_escape_stays(text):
    assert views(f"-{text}-") == [(f"-{text}-", 0, False)]


def test_a_text_is_read_in_every_way_that_it_offers():
    """Without colours, then without tags, then unescaped, and once more."""
    assert views("\x1b[1ma<b>c</b>%2541") == [
        ("\x1b[1ma<b>c</b>%2541", 0, False),
        ("a<b>c</b>%2541", 1, False),
        ("ac%2541", 2, False),
        ("ac%41", 3, True),
        ("acA", 4, True),
    ]


def test_escapes_are_undone_twice():
    assert views("%252541") == [("%252541", 0, False), ("%2541", 1, True), ("%41", 2, True)]


@pytest.mark.parametrize(
    ("text", "part", "origin"),
    [
        ("ab\x1b[1mcd", "ab", "ab"),
        ("ab\x1b[1mcd", "cd", "cd"),
        ("ab\x1b[1mcd", "bc", "b\x1b[1mc"),
        ("\x1b[1mabcd\x1b[0m", "abcd", "abcd"),
        ("\x1b[1mab\x1b[0m\x1b[1mcd", "bc", "b\x1b[0m\x1b[1mc"),
        ("x%41yz", "A", "%41"),
        ("x%41yz", "xA", "x%41"),
        ("x%41yz", "yz", "yz"),
        ("x%c3%a9%41y", "A", "%c3%a9%41"),
        ("x&lt;&gt;y", "<", "&lt;"),
        ("x&lt;&gt;y", ">y", "&gt;y"),
        ("x&lt;", "<", "&lt;"),
        ("&lt;x", "<x", "&lt;x"),
    ],
)
def test_what_is_decoded_is_redacted_where_it_stands(text, part, origin):
    steps, _ = list(decode(text))[1]
    at = steps[0].text.index(part)
    start, end = steps[0].origin(at, at + len(part))
    assert text[start:end] == origin


def test_only_a_text_without_its_tags_is_marked_so():
    """Tags within a secret are kept only where they were taken out to read it."""
    marked = [[step.tags for step in steps] for steps, _ in decode("\x1b[1ma<b>c%41")]
    assert marked == [[], [False], [True, False], [False, True, False]]


@pytest.mark.parametrize(("backslashes", "left"), [(1, 0), (2, 0), (3, 2), (4, 0), (5, 4), (6, 4), (7, 6)])
def test_a_backslash_before_a_colour_is_the_text_s(backslashes, left):
    """Each layer of JSON doubles the backslashes of the colour; the others belong to what stands before it."""
    assert views("a" + "\\" * backslashes + "u001b[1mb")[1][0] == "a" + "\\" * left + "b"


@pytest.mark.parametrize("tag", ["", "<i>"])
def test_a_secret_below_a_colour_and_two_escapes_is_found(tag):
    colour = "\x1b[1m"
    text = f"{colour}so{tag} password%253D%2522hunter2%2522"
    assert Redactor().redact_text(text) == f"{colour}so{tag} password%253D%2522{PLACEHOLDER}%2522"
