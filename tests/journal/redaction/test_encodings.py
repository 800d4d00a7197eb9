"""A known secret is found in every form, and nothing beside it."""

import base64

import pytest

from runbook_lib.journal.redaction.encodings import MIN_FRAGMENT, MIN_SUBSTRING, Truncation, encodings_of
from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor


def spans(secret, text):
    return sorted({span for encoding in encodings_of(secret) for span in encoding.find(text)})


def test_a_text_without_the_plain_letters_of_a_secret_is_skipped():
    """Outputs are long, and secrets are rare: the quick search comes first."""
    plain, quoted = encodings_of("correcthorse")[0], encodings_of('co"rrect-ho rse')[0]
    assert plain.probe == "correcthorse"
    assert quoted.probe == "rrect-ho", "the longest part that no form escapes"
    beginning, end = (one for one in encodings_of("correct-horse-battery-staple") if isinstance(one, Truncation))
    assert (beginning.at_end, beginning.probe) == (False, "correct-")
    assert (end.at_end, end.probe) == (True, "y-staple")


@pytest.mark.parametrize("at_end", [False, True])
def test_the_long_expression_for_truncated_secrets_is_made_when_it_is_needed(at_end):
    """It takes longer than the search itself."""
    secret = "abc'defghijkl'mno"
    (one,) = (one for one in encodings_of(secret) if isinstance(one, Truncation) and one.at_end is at_end)
    for text, made in (("other words", set()), ("abc defgh ijkl mno", {"_core"}), (secret, {"_core", "_pattern"})):
        assert list(one.find(text)) == []
        assert vars(one).keys() & {"_core", "_pattern"} == made


@pytest.mark.parametrize("length", range(4, 24))
def test_forms_that_are_searched_for_depend_on_the_length(length):
    """Of a short secret its word alone; of a longer one its encodings; of a long one also its ends."""
    kinds = [type(one).__name__ for one in encodings_of("abcdefghijklmnopqrstuvwx"[:length])]
    assert kinds.count("Truncation") == (2 if length >= MIN_FRAGMENT else 0)
    assert (len(kinds) > 1) is (length >= MIN_SUBSTRING)


@pytest.mark.parametrize("length", [7, 8, 9])
def test_a_secret_shorter_than_eight_letters_is_a_word_of_its_own(length):
    secret = "a1b2c3d4e5"[:length]
    for text in (f"x{secret}", f"{secret}x", f"9{secret}", f"{secret}9"):
        assert bool(spans(secret, text)) is (length >= MIN_SUBSTRING)
    for text in (secret, f"-{secret}-", f'"{secret}"'):
        assert spans(secret, text) == [(text.index(secret), text.index(secret) + length)]


LETTERS = {
    "plus for a space": ("pass word-9", "pass+word-9"),
    "percent": ("pass word-9", "pass%20word-9"),
    "percent of percent": ("pass word-9", "pass%252520word-9"),
    "small hexadecimal": ("pass/word-9", "pass%2fword-9"),
    "number": ("pass&word-9", "pass&#38;word-9"),
    "number with zeros": ("pass&word-9", "pass&#0038;word-9"),
    "hexadecimal number": ("pass&word-9", "pass&#x26;word-9"),
    "hexadecimal number, large": ("pass&word-9", "pass&#X0026;word-9"),
    "number without its end": ("pass&word-9", "pass&#38word-9"),
    "hexadecimal number without its end": ("pass&word-9", "pass&#x26word-9"),
    "entity": ("pass<word-9", "pass&lt;word-9"),
    "entity without its end": ("pass<word-9", "pass&ltword-9"),
    "entity of an entity": ("pass<word-9", "pass&amp;amp;lt;word-9"),
    "u": ("pass<word-9", "pass\\u003cword-9"),
    "u, large": ("pass<word-9", "pass\\u003Cword-9"),
    "x": ("pass<word-9", "pass\\x3cword-9"),
    "U": ("pass<word-9", "pass\\U0000003cword-9"),
    "doubled": ("pass<word-9", "pass\\\\u003cword-9"),
    "backslash in a URL": ("pass<word-9", "pass%5Cu003cword-9"),
    "backslash in a URL, small": ("pass<word-9", "pass%255cu003cword-9"),
    "backslash as an entity": ("pass<word-9", "pass&#92;u003cword-9"),
    "backslash as a hexadecimal entity": ("pass<word-9", "pass&#x5c;u003cword-9"),
    "backslash by its name": ("pass<word-9", "pass&amp;bsol;u003cword-9"),
    "quote": ("pass\"word'9/", "pass\\\"word\\'9\\/"),
    "quote, twice": ("pass\"word'9/", "pass\\\\\\\"word\\\\'9\\\\/"),
    "quote as an entity": ('pass"word-9', "pass&quot;word-9"),
    "tab": ("pass\tword-9", "pass\\tword-9"),
    "return": ("pass\rword-9", "pass\\rword-9"),
    "tab as x": ("pass\tword-9", "pass\\x09word-9"),
    "backslash": ("pass\\word-9", "pass\\\\\\\\word-9"),
    "backslash and u": ("pass\\<word-9", "pass\\\\\\u003cword-9"),
    "backslash and accent as x": ("pass\\\xe9word-9", "pass\\\\\\xe9word-9"),
    "backslash and tab": ("pass\\\tword-9", "pass\\\\\\tword-9"),
    "backslash as u": ("pass\\word-9", "pass\\u005cword-9"),
    "backslash as u, large": ("pass\\word-9", "pass\\u005Cword-9"),
    "backslash as x": ("pass\\word-9", "pass\\x5cword-9"),
    "two octets": ("passéword-9", "pass%C3%A9word-9"),
    "accent as u": ("passéword-9", "pass\\u00e9word-9"),
    "accent as x": ("passéword-9", "pass\\xe9word-9"),
    "accent by its name": ("passéword-9", "pass&eacute;word-9"),
    "pair": ("pass😀word-9", "pass\\ud83d\\ude00word-9"),
    "pair, doubled": ("pass😀word-9", "pass\\\\uD83D\\\\uDE00word-9"),
    "four octets": ("pass😀word-9", "pass%F0%9F%98%80word-9"),
    "U of a pair": ("pass😀word-9", "pass\\U0001f600word-9"),
    "number of a pair": ("pass😀word-9", "pass&#128512;word-9"),
    "half a pair": ("pass\ud83dword-9", "pass\\ud83dword-9"),
}


@pytest.mark.parametrize(("secret", "text"), LETTERS.values(), ids=LETTERS)
def test_every_escape_of_a_letter_is_found(secret, text):
    assert spans(secret, f"<{text}>") == [(1, 1 + len(text))]


@pytest.mark.parametrize("text", ["pass&#389-word", "pass&#x26f-word", "pass&apos-word", "pass&bsol-word"])
def test_another_letter_without_its_end_is_another_letter(text):
    """A number goes on with the next digit, and only the oldest names may end without a semicolon."""
    for letter in ("&9", "&f", "'", "\\"):
        assert spans(f"pass{letter}-word", text) == []


def test_what_a_browser_reads_of_a_letter_that_was_cut_is_found():
    """Seven letters, and the eighth without the end of its escape."""
    for cut in ("&quot", "&#34", "&#x22"):
        told = Redactor(["22222<'\"22222" * 2]).redact_text(f"one 22222&lt;&#x27;{cut}&hellip; two")
        assert told == f"one {PLACEHOLDER}&hellip; two"


def test_a_secret_may_have_no_plain_letter():
    secret = "\xe9\xe0\u20ac\U0001f600" * 5
    assert Redactor([secret]).redact_text(f"<{secret}> {secret[:9]}... {secret!a}") == (
        f"<{PLACEHOLDER}> {PLACEHOLDER}... '{PLACEHOLDER}'"
    )


@pytest.mark.parametrize("secret", ["<pass-word-9", "pass<word-9", "pass-\\word<9"])
def test_an_escape_has_its_backslash(secret):
    assert spans(secret, secret.replace("<", "u003c")) == []
    assert spans(secret, secret.replace("<", "x3c")) == []


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "admin:"])
@pytest.mark.parametrize("length", [8, 9, 10, 20, 41])
def test_base64_is_found_whatever_was_encoded_before_and_after_it(before, length):
    secret = "Zx+9/kQ?~ü" * 5
    secret = secret[:length]
    for after in ("", "!", ":x"):
        whole = base64.b64encode(f"{before}{secret}{after}".encode())
        for encoded in (whole, whole.translate(bytes.maketrans(b"+/", b"-_"))):
            assert (
                Redactor([secret])
                .redact_text(f"it is {encoded.decode()}")
                .startswith(f"it is {encoded.decode()[:8]}"[:6])
            )
            assert PLACEHOLDER in Redactor([secret]).redact_text(f"it is {encoded.decode()}")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\n".join(text[at : at + 8] for at in range(0, len(text), 8)),
        lambda text: "\\n".join(text[at : at + 8] for at in range(0, len(text), 8)),
        lambda text: "\\r\\n".join(text[at : at + 8] for at in range(0, len(text), 8)),
        lambda text: text.replace("+", "%2B").replace("/", "%2F"),
        lambda text: text.replace("+", "%2b").replace("/", "%2f"),
        lambda text: text.replace("/", "\\/"),
        lambda text: text.replace("+", "-").replace("/", "_"),
    ],
)
def test_base64_is_found_over_lines_and_in_urls(change):
    secret = "~~~???>>>abcdefgh~~~???>>>"
    encoded = base64.b64encode(secret.encode()).decode()
    assert {"+", "/"} & set(encoded)
    told = Redactor([secret]).redact_text(f"it is {change(encoded)} here")
    assert told.startswith(f"it is {PLACEHOLDER}")
    assert change(encoded)[2:12] not in told


def test_hexadecimal_is_found_in_both_cases():
    secret = "correct-horse"
    for text in (secret.encode().hex(), secret.encode().hex().upper(), secret.encode().hex().title()):
        assert Redactor([secret]).redact_text(f"0x{text}.") == f"0x{PLACEHOLDER}."


ELLIPSES = [
    "...", "…", "\\u2026", "\\\\u2026", "\\xe2\\x80\\xa6", "&hellip;", "&mldr;", "&amp;hellip;", "&#8230;", "&#08230;",
    "&#x2026;", "&#X02026;", "%E2%80%A6", "%e2%80%a6", "%25E2%2580%25A6",
]  # fmt: skip


@pytest.mark.parametrize("dots", ELLIPSES)
@pytest.mark.parametrize("between", ["", " ", "'", '"', "[", "(", "<", "('[", "   "])
def test_the_end_of_a_secret_is_found_after_every_ellipsis(dots, between):
    told = Redactor(["correct-horse-battery"]).redact_text(f"{dots}{between}rse-battery.")
    assert told == f"{dots}{between}{PLACEHOLDER}."


@pytest.mark.parametrize("dots", ELLIPSES)
@pytest.mark.parametrize("between", ["", " ", "'", '"', ";", "]", ")", ">", "[", "(", "<", ')"]'])
def test_the_beginning_of_a_secret_is_found_before_every_ellipsis(dots, between):
    told = Redactor(["correct-horse-battery"]).redact_text(f"is correct-hor{between}{dots}")
    # Of several backslashes, one may be the rest of an escape sequence.
    assert told.replace("\\\\", "\\") == f"is {PLACEHOLDER}{between}{dots}".replace("\\\\", "\\")


@pytest.mark.parametrize("between", ["    ", "x", "-"])
def test_what_stands_far_from_an_ellipsis_is_a_word_like_any_other(between):
    for text in (f"correct-hor{between}...", f"...{between}rse-battery"):
        assert Redactor(["correct-horse-battery"]).redact_text(text) == text


@pytest.mark.parametrize(
    ("secret", "left"),
    [
        ("correct-é-battery-st", "correct-\\u00"),
        ("correct-é-battery-st", "correct-\\u"),
        ("correct-é-battery-st", "correct-\\"),
        ("correct-é-battery-st", "correct-\\xe"),
        ("correct-é-battery-st", "correct-\\U000000"),
        ("correct-é-battery-st", "correct-&eacu"),
        ("correct-é-battery-st", "correct-&amp;eac"),
        ("correct-é-battery-st", "correct-&#23"),
        ("correct-é-battery-st", "correct-%C3%A"),
        ("correct-é-battery-st", "correct-%25C3%"),
        ("correct-😀-battery-st", "correct-\\ud83d\\ude"),
        ("correct-😀-battery-st", "correct-\\uD83D\\u"),
        ("correct-😀-battery-st", "correct-%F0%9F%98%8"),
    ],
)
def test_an_escape_that_was_cut_in_two_goes_with_its_secret(secret, left):
    assert Redactor([secret]).redact_text(f"is {left}...") == f"is {PLACEHOLDER}..."


@pytest.mark.parametrize("length", [9, 10, 11, 21])
@pytest.mark.parametrize("before", range(6))
def test_of_base64_just_the_letters_that_hold_the_secret_go(before, length):
    """A letter holds six bits: those that it shares with what stands before or after it stay."""
    secret = "correct-horse-battery"[:length]
    encoded = base64.b64encode(b"?" * before + secret.encode() + b"??????").decode()
    first, last = -(-before * 8 // 6), (before + length) * 8 // 6
    assert (
        Redactor([secret]).redact_text(f"it is {encoded}!") == f"it is {encoded[:first]}{PLACEHOLDER}{encoded[last:]}!"
    )


@pytest.mark.parametrize("width", range(1, 12))
def test_base64_is_found_over_lines_of_any_width(width):
    secret = "abcdefgh~~~???>>>abcdefgh~~~???>>>abcdefgh"
    encoded = base64.b64encode(secret.encode()).decode()
    lines = "\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert Redactor([secret]).redact_text(f"it is {lines}!") == f"it is {PLACEHOLDER}!"


@pytest.mark.parametrize("text", ["pass\\x100word-9", "pass\\x0100word-9", "pass%100word-9"])
def test_a_letter_beyond_two_digits_is_not_escaped_with_two(text):
    assert spans("pass\u0100word-9", text) == []
    assert spans("pass\u0100word-9", "pass\\u0100word-9") == [(0, 16)]
    assert spans("pass\xffword-9", "pass\\xffword-9") == [(0, 14)]
