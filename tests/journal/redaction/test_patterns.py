"""No text makes a pattern slow: what a cell prints is redacted before it is saved, whatever it is."""

import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.journal.redaction import redactor, table_cells, text_views
from runbook_lib.journal.redaction.encodings import encodings_of
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


SECONDS = 6
"""Of a processor: a slow machine takes one or two; what backtracks, or compares each with each, takes minutes."""


def seconds(regex, text):
    """CPU time of one search through the text: what else the machine does is no matter."""
    began = time.process_time()
    for _ in regex.finditer(text):
        pass
    return time.process_time() - began


def megabyte(of):
    return (of * (MEGABYTE // len(of) + 1))[:MEGABYTE]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
@settings(max_examples=8, deadline=None)
@given(unit=st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join))
def test_a_megabyte_takes_seconds(pattern, unit):
    """Whatever it repeats: no pattern may backtrack."""
    assert seconds(pattern.regex, megabyte(unit)) < SECONDS


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_of_its_words_is_in_every_match(pattern, data):
    """Otherwise a secret would be passed over, where none of the words is in the text."""
    text = data.draw(st.from_regex(_without_atoms(pattern.regex)))
    matches = [*pattern.regex.finditer(text)]
    assert matches
    for match in matches:
        assert any(word in match[0].casefold() for word in pattern.words)


def _without_atoms(regex):
    """The expression without what only saves time, which hypothesis cannot read."""
    text = regex.pattern.replace("(?>", "(?:")
    return re.compile(re.sub(r"([*+?}])\+", r"\1", text))


# The patterns that read a text before: markup, escapes, tables, files within pages.
READERS = {
    "colour": (text_views._COLOUR, ("\\", "\\u001b", "\\u001b[", "\x1b[", "0", "0;", "&#0", "&#27;[", "m")),
    "tag": (text_views._TAG, ("<", "<a", "'", '"', " ", "a", ">", "</")),
    "escape": (text_views._ESCAPED, ("\\", "\\u00", "%", "%41", "&", "&#", "&a", "1", ";", "u")),
    "cell": (table_cells._TAG, ("<", "<td", "<tr ", "'", '"', " ", "a", ">", "</td")),
    "series": (table_cells._TRAILER, ("Name: ", "Length: 1, ", "dtype: ", "a", "\n", ", ")),
    "file": (redactor._DATA, ("data:", "data:a", ";base64,", "AAAAAAAA", "%4", "%41", "\n", "\\n", " ")),
}


@pytest.mark.parametrize(("regex", "pieces"), READERS.values(), ids=READERS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_reads_a_megabyte_takes_seconds(regex, pieces, data):
    """Backslashes alone took minutes."""
    unit = "".join(data.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=3)))
    assert seconds(regex, megabyte(unit)) < SECONDS


# Letters with several forms: those that are escaped, that escape others, and that stand next to one another.
KNOWN = (
    "hunter2hunter2hunter2",
    "\\ab\\\\cdefgh\\ij/klmno",
    '"abc\'"def/ghi"jklmn',
    "\xe9\xe0abc\xfcdefghi jklmno",
    "!aB3$kLm&9'x",
)
FORMS = (
    "\\", "\\u", "\\x", "%5c", "%255C", "%25", "&amp;", "&#92;", "&", "%", "A", "Q\n", "\\n", "...", "\\u2026",
    "%e2%80", '"', "'",
)  # fmt: skip


@pytest.mark.parametrize("secret", KNOWN)
@settings(max_examples=5, deadline=None)
@given(unit=st.lists(st.sampled_from(FORMS), min_size=1, max_size=2).map("".join), kept=st.sampled_from([0, 9, 99]))
def test_a_known_secret_is_searched_for_in_a_megabyte_within_seconds(secret, unit, kept):
    """A secret with quotes was searched for in exponential time where a text has many backslashes."""
    text = f"{secret[:kept]}{megabyte(unit)}...{secret[-kept:]} {secret}"
    for number, encoding in enumerate(encodings_of(secret)):
        began = time.process_time()
        spans = list(encoding.find(text))
        assert time.process_time() - began < SECONDS
        assert spans or number > 0, "the secret itself is at the end"


@pytest.mark.parametrize(
    "unit",
    [
        " password\n",
        "data:a;base64,password=x1234",
        "<td colspan=1000>",
        "\\npassword=x1234<thead> ",
        "\x1b[0m password\n",
    ],
)
def test_a_text_takes_time_in_proportion_to_its_length(unit):
    """Lines that look like heads of a table, and files within a page, were compared each with each."""
    text = megabyte(unit)[:300_000]
    began = time.process_time()
    Redactor([KNOWN[0]]).redact_text(text)
    assert time.process_time() - began < 3 * SECONDS


def test_pieces_of_a_stream_take_time_in_proportion_to_their_number():
    """Ten thousand flushes with a password in each."""
    began = time.process_time()
    texts = Redactor().redact_texts(["password=x1234 and more\n"] * 10_000)
    assert time.process_time() - began < 2 * SECONDS
    assert set(texts) == {f"password={PLACEHOLDER} and more\n"}


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
    assert seconds(pattern.regex, text) < SECONDS


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


TOKEN, FORTY = "Ab3" * 30, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nQUJDQUJDQUJD\n-----END CERTIFICATE-----"
# In each, «…» is the secret; all else stays.
SECRETS = [
    # Keys in files.
    "a «-----BEGIN PRIVATE KEY-----\nQUJDQUJD\n-----END PRIVATE KEY-----» b",
    "a «-----BEGIN OPENSSH PRIVATE KEY-----\nQUJDQUJD\n-----END OPENSSH PRIVATE KEY-----» b",
    "a «-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1.2, x\n\nQUJD+/=\n-----END PGP PRIVATE KEY BLOCK-----» b",
    "a «-----BEGIN A B1 RSA PRIVATE KEY-----\nQUJDQUJD\n-----END A B1 RSA PRIVATE KEY-----» b",
    "a «-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nQUJD\n-----END RSA PRIVATE KEY-----» b",
    "a «-----BEGIN RSA PRIVATE KEY-----<br>QUJDQUJD<br/>QUJD< br />»"[:-9] + "»<p>",
    "a «-----BEGIN RSA PRIVATE KEY-----\\tQUJDQUJD\\r\\nQUJDQUJD»!",
    "a «PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\nQUJD\nPrivate-MAC: 0a1b2c» b",
    "a «PuTTY-User-Key-File-2: x\nPrivate-MAC:0a1b» b",
    # AWS.
    "«AKIAIOSFODNN7EXAMPLE» «ASIAIOSFODNN7EXAMPLE».«ABIAIOSFODNN7EXAMPLE»-«ACCAIOSFODNN7EXAMPLE»",
    f"«AKIAIOSFODNN7EXAMPLE {FORTY}».",
    f"'«AKIAIOSFODNN7EXAMPLE', '{FORTY}»'",
    f'"«AKIAIOSFODNN7EXAMPLE": "{FORTY}»"',
    f"«AKIAIOSFODNN7EXAMPLE;|{FORTY}»|",
    f"«AKIAIOSFODNN7EXAMPLE»\n\n\n\n\n\n\n\n\n{FORTY}",
    f"aws_secret_access_key = «{FORTY}» x",
    f"aws_secret_access_key{' ' * 60}= «{FORTY}»",
    f"AWS_SECRET_KEY=«{FORTY}»",
    f'aws "secret": "«{FORTY}»"',
    f"Aws Key: '«{FORTY}»'",
    f"aws-session: IQoJ, «IQoJ{TOKEN}»",
    f"(«FwoG{TOKEN}%=_-») «FQoG{TOKEN}»",
    f"https://a/b?X-Amz-Signature=«{TOKEN}»&X-Amz-Date=1",
    f"https://a/b?c=1&x-amz-signature=«{TOKEN}»",
    f"https://a/b?c=1&amp;X-Amz-Security-Token=«{TOKEN}%2F»&amp;d=2",
    f"'https://a/b?X-Amz-Security-Token=«{TOKEN}»'",
    # Tokens of others.
    "«eyJhbGciOiJI.eyJzdWIiOiIx.» b",
    "(«eyJhbGciOiJI_-.eyJzdWIiOiIx-_.dozjgNryP4J3-_») b",
    f"«ghp_{TOKEN[:30]}» «gho_{TOKEN[:30]}» «ghu_{TOKEN[:31]}» «ghs_{TOKEN[:36]}» «ghr_{TOKEN[:30]}»",
    f"=«github_pat_{TOKEN[:22]}»",
    f"«xoxb-{TOKEN[:10]}» «xoxp-1-2{TOKEN[:8]}» «glpat-{TOKEN[:17]}-_a» «npm_{TOKEN[:36]}» «pypi-AgE{TOKEN[:50]}»",
    f"«sk_live_{TOKEN[:20]}» «rk_live_{TOKEN[:20]}» «AIza{TOKEN[:34]}-» «hf_{TOKEN[:30]}»",
    # Passwords beside what says so.
    "mysql://admin:«hunter2»@db.example.com/web",
    "postgresql+psycopg2://a.b-c:«hunter2»@db",
    "redis://:«hunter2»@cache:6379 h+y://a:«hunter2»@b",
    "(https://x:«hunter:2»@a)",
    "Authorization: Bearer «hunter2»",
    'authorization="Basic «aHVudGVyMg==»"',
    "'Authorization': 'token «hunter2»'",
    "AUTHORIZATION  :  bearer  «hunter2», b",
    "mysql --password «hunter2» -h db",
    "x -passwd «hunter2»",
    "x --token  «hunter2»",
    "x --PASSWORD «hunter2»",
    "IDENTIFIED BY '«hunter 2»' b",
    'identified  by "«hunter2»" b',
    "identified by   '«hunter2»' b",
    "password = '«hunter 2»' b",
    'password: "«h»" b',
    '{"password": "«hunter2»", "a": 1}',
    '{\\"password\\" : \\"«hunter2»\\"}',
    "passwd='«hunter2»' passphrase='«hunter2»' pwd='«hunter2»' privateKey='«hunter2»' client_secret='«hunter2»'",
    "api_key='«hunter2»' apikey='«hunter2»' secret_access_key='«hunter2»' secretkey='«hunter2»'",
    "secret_string='«hunter2»' SecretBinary='«hunter2»' key_material='«hunter2»' auth_token='«hunter2»'",
    "session_token='«hunter2»' SecurityToken='«hunter2»' access_token='«hunter2»' refresh_token='«hunter2»'",
    "id_token='«hunter2»' PRIVATE_KEY='«hunter2»'",
    "pwd=«hunter2» passphrase: «hunter2» ACCESS_TOKEN=«hunter2»",
    "x-api-key: «hunter2»\nclient-secret='«hunter2»' CLIENT_SECRET: «hunter2»",
    "password=«hunter2»",
    "password: «hunter2» b",
    "password    =    «hunter2»",
    '"password":«hunter2»,',
    "db_password=«hunter2»&user=a",
    "password=«/hunter2»",
    "password=«*hunter2»",
    "password=«Truely»",
    "password=«nonesuch»",
]
HARMLESS = [
    f"x-----BEGIN PUBLIC KEY-----\nQUJDQUJD\n-----END PUBLIC KEY-----\n{CERTIFICATE}",
    "PuTTY-User-Key-File-2: x\nPrivate-MAC: ",
    "PuTTY-User-Key-File-x: y\nPrivate-MAC: 0a",
    "AKIAIOSFODNN7EXAMPL AKIAIOSFODNN7EXAMPLEX xAKIAIOSFODNN7EXAMPLE AROAIOSFODNN7EXAMPLE AKIAiosfodnn7example",
    f"aws secret: {FORTY[:-1]}",
    f"aws secret: {FORTY}x",
    f"aws secret: {FORTY}/",
    f"aws {'-' * 60} secret: {FORTY}",
    f"the digest: {FORTY}",
    f"xFwoG{TOKEN} FwoG{TOKEN[:59]} FwoH{TOKEN}",
    f"X-Amz-Signature={TOKEN} ?X-Amz-Date={TOKEN} &Signature=x",
    "xeyJhbGciOiJI.eyJzdWIiOiIx.a eyJhbGci.eyJzdWIiOiIx.a eyJhbGciOiJIeyJzdWIiOiIx",
    f"ghp_{TOKEN[:29]} xghp_{TOKEN} ghx_{TOKEN} github_pat_{TOKEN[:21]}",
    f"xoxb-{TOKEN[:9]} xoxz-{TOKEN} glpat-{TOKEN[:19]} npm_{TOKEN[:35]} pypi-AgE{TOKEN[:49]} pk_live_{TOKEN}",
    f"sk_live_{TOKEN[:19]} AIza{TOKEN[:34]} hf_{TOKEN[:29]} xhf_{TOKEN}",
    "https://docs.aws.amazon.com/a:b@c http://a.b/c?d:e@f mysql://admin@db https://x: y@z 1s3://a:b@c",
    "https://a?b:c@d https://a:80?mail=b@c",
    "Authorization: Digest hunter2 authorization: bearer short",
    "Authorization: Bearer     [redacted]",
    "--password -h --token 'x y' --passwords hunter2",
    "identified by nobody, identified by ''",
    "password: [redacted] password=**** password='[redacted]'",
    "password=true password: None password=null password: NaN password = yes password=no password=false",
    "password=arn:aws:x:y password='arn:aws:x' password=local/app password: a-b/c.d/e_f",
    "password=abc password = read(hunter2) password=list[0] password:\n\n\n\n\nhunter2",
    "password     = 'hunter 2' password =     'hunter 2'",
    "token=hunter2 secret='hunter2' key='hunter2'",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_the_secret_goes_and_nothing_beside_it(text):
    plain = text.replace("«", "").replace("»", "")
    kept = PLACEHOLDER.join(part.rpartition("»")[2] for part in text.split("«"))
    assert Redactor().redact_text(plain) == kept


@pytest.mark.parametrize(("pattern", "word"), [(pattern, word) for pattern in PATTERNS for word in pattern.words])
def test_each_word_alone_is_enough_to_look_for_a_secret(pattern, word):
    """A text may have one secret, and none of the other words that say that there may be one."""
    texts = [re.sub("[«»]", "", text) for text in SECRETS]
    spans = [(text, match.start(), match.end() + 2) for text in texts for match in pattern.regex.finditer(text)]
    matches = [text[start:end] for text, start, end in spans]
    alone = [match for match in matches if [one for one in pattern.words if one in match.casefold()] == [word]]
    assert alone
    assert all(PLACEHOLDER in Redactor().redact_text(match) for match in alone)


@pytest.mark.parametrize("name", ["Signature", "Security-Token"])
def test_a_signed_url_in_code_is_a_secret(name):
    assert Redactor().redact_text(f"'?X-Amz-{name}=abc'", code=True) == f"'?X-Amz-{name}={PLACEHOLDER}'"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_resembles_a_secret_stays(text):
    assert Redactor().redact_text(text) == text


@pytest.mark.parametrize("text", ["password=hunter2", "x --password hunter2"])
def test_an_assignment_in_code_is_no_secret(text):
    """There, an unquoted word is the name of a variable."""
    assert Redactor().redact_text(text, code=True) == text
    assert Redactor().redact_text(text) != text


def test_each_kind_of_secret_is_counted_under_its_name():
    expected = {
        "private key": KEY, "AWS key": "AKIAIOSFODNN7EXAMPLE", "AWS token": f"FwoG{TOKEN}", "token": f"hf_{TOKEN}",
        "signed URL": "?X-Amz-Signature=abc", "GitHub token": f"ghp_{TOKEN[:40]}", "password": "pwd='hunter2'",
        "password in a URL": "mysql://a:hunter2@b", "credentials": "authorization: bearer hunter2",
    }  # fmt: skip
    for kind, text in expected.items():
        redactor = Redactor()
        redactor.redact_text(text)
        assert redactor.counts == {kind: 1}
    assert set(expected) == {pattern.name for pattern in PATTERNS}
