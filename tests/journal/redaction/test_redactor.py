"""No secret reaches the disk, in any form, place or piece; and nothing else is redacted."""

from __future__ import annotations

import base64
import html
import json
import re
import reprlib
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import nbformat
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook_lib.evidence import files as writing
from runbook_lib.evidence import tables
from runbook_lib.journal.journal import Journal, is_intact
from runbook_lib.journal.reader import events_of
from runbook_lib.journal.redaction.patterns import PATTERNS, PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.journal.redaction.secret_values import labelled_secrets

PEM = (
    f"-----BEGIN RSA PRIVATE KEY-----\n{'MIIEpAIBAAKCAQEA7cX/+' * 3}\n{'Zm9vYmFy' * 7}==\n-----END RSA PRIVATE KEY-----"
)
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
LOOKS = {
    "AWS key": "AKIAIOSFODNN7EXAMPLE",
    "AWS secret key": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS key pair": "ASIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS token": "IQoJb3JpZ2luX2VjE" + "Aa0/" * 30,
    "private key": PEM,
    "private key cut short": PEM[:150],
    "JWT": JWT,
    "GitHub token": "ghp_" + "aB3" * 12,
    "password in a URL": "mysql://admin:hunter2secret@db.example.com/web",
    "password": "password=hunter2secret",
    "password in JSON": '{"MasterUserPassword": "hunter2secret"}',
    "password in SQL": "CREATE USER web IDENTIFIED BY 'hunter2secret'",
    "option": "mysql --password hunter2secret -h db",
    "bearer": "Authorization: Bearer hunter2secret",
    "signed URL": "https://b.s3.amazonaws.com/k?X-Amz-Signature=hunter2secret&X-Amz-Expires=60",
}
HIDDEN = [
    "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", "Aa0/Aa0/", "MIIEpAIBAAKCAQEA", "Zm9vYmFyZm9v",
    "eyJhbGci", "aB3aB3", "hunter2secret",
]  # fmt: skip

ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789\"'\\/<>&+%=#@!$;:,.()[]{}|~^*-_ é€😀"
SECRETS = st.text(ALPHABET, min_size=10, max_size=40).filter(
    lambda text: (
        text == text.strip()
        and len(re.findall("[A-Za-z0-9]", text)) > 5
        and "  " not in text
        and text not in PLACEHOLDER
    )
)


def in_colour(text):
    """Colour the text token by token, as in a traceback."""
    return "".join(f"\x1b[38;5;{28 + n}m{part}\x1b[39m" for n, part in enumerate(re.findall(".{1,3}", text, re.S)))


def in_spans(text):
    """Colour the text in HTML, as a syntax highlighter does."""
    return "".join(
        f'<span class="s{n}">{html.escape(part)}</span>' for n, part in enumerate(re.findall(".{1,3}", text))
    )


FORMS = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "Python": repr,
    "HTML": html.escape,
    "HTML in HTML": lambda text: html.escape(html.escape(text)),
    "JSON in HTML": lambda text: html.escape(json.dumps(text)),
    "URL": quote,
    "URL, all of it": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "URL in JSON": lambda text: json.dumps(quote(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of more": lambda text: base64.b64encode(f"u:{text}!".encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(b"authorization: Basic " * 2 + text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "colours": in_colour,
    "colours in JSON": lambda text: json.dumps(in_colour(text)),
    "spans": in_spans,
}
CUT = {
    "cut short": lambda text: text[: 4 * len(text) // 5] + "...",
    "cut short in a repr": lambda text: repr(text)[: 4 * len(text) // 5] + "…'",
    "cut short in HTML": lambda text: html.escape(text)[: 4 * len(text) // 5] + "&hellip;",
    "cut short in JSON": lambda text: json.dumps(text[: 4 * len(text) // 5] + "…"),
    "cut out of JSON": lambda text: json.dumps(text)[: 4 * len(text) // 5] + " ...",
    "cut out of JSON in JSON": lambda text: json.dumps(json.dumps(text)[: 4 * len(text) // 5] + "…"),
    "cut out of a URL": lambda text: quote(text)[: 4 * len(text) // 5] + "...",
    "its middle cut out": lambda text: repr(f"{text[:9]}...{text[-9:]}"),
}
"""Forms with only the first or the last letters of a secret."""


def png(comment=b"nothing"):
    """A picture with a comment, in base64."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    body = chunk(b"tEXt", b"Comment\0" + comment) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + body).decode()


def outputs(secret, form, cut):
    """A secret in all outputs that a cell can have."""
    told = (FORMS | CUT)[form](secret)
    at = 1 + cut % max(1, len(told) - 1)
    bundle = {
        "text/plain": f"before {told} after",
        "text/html": f"<table><tr><td title='{told}'>{told}</td></tr></table>",
        "text/latex": f"$ {told} $",
        "text/markdown": f"**{told}**",
        "application/json": {"list": [1, {"deep": told}], told: None},
        "application/vnd.custom+json": [[told], {"x": {"y": [told]}}],
        "application/javascript": f"var x = '{told}'",
        "image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'><text>{told}</text></svg>",
        "image/png": png(f"made with {told}".encode()),
    }
    return [
        new_output("stream", name="stdout", text=f"one {told[:at]}"),
        new_output("stream", name="stderr", text=f"meanwhile {told}\n"),
        new_output("stream", name="stdout", text=f"{told[at:]} two\n"),
        new_output("display_data", bundle, metadata={"note": told}),
        new_output("execute_result", bundle, execution_count=1),
        new_output(
            "error", ename="E", evalue=told, traceback=["----", f"x = {told[:at]}", told[at:], in_colour(secret)]
        ),
    ]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *strings(inner))
    elif isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            yield "".join(value)
        for one in value:
            yield from strings(one)


def read(text, depth=3):
    """Yield all the ways in which somebody could decode a text."""
    yield text
    if depth:
        for way in (
            html.unescape, unquote, unquote_plus, lambda t: re.sub(r"\x1b\[[0-9;]*m", "", t),
            lambda t: re.sub(r"<[a-z/][^<>]*>", "", t), lambda t: re.sub(r"\\+(u[0-9a-f]{4}|.)", _letter, t),
        ):  # fmt: skip
            other = way(text)
            if other != text:
                yield from read(other, depth - 1)
        for found in re.findall(r"(?:[A-Za-z0-9+/_-]{4}[\s]*){3,}[A-Za-z0-9+/_-]*={0,2}", text):
            for skip in range(4):
                raw = re.sub(r"\s", "", found)[skip:].translate(str.maketrans("-_", "+/"))
                raw = raw.rstrip("=")
                raw = raw[: len(raw) - (len(raw) % 4 == 1)]
                yield base64.b64decode(raw + "=" * (-len(raw) % 4)).decode("utf-8", errors="replace")
        for found in re.findall(r"(?:[0-9a-f]{2}){8,}", text):
            yield bytes.fromhex(found).decode("utf-8", errors="replace")


def _letter(found):
    text = found[1]
    return chr(int(text[1:], 16)) if len(text) == 5 else {"n": "\n", "t": "\t"}.get(text, text)


def written(notebook):
    """Yield all strings of the notebook on the disk, and each stream as one text."""
    with TemporaryDirectory() as folder:
        path = writing.write_notebook(Path(folder) / "x.ipynb", notebook)
        found = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(nbformat.from_dict(found))
    for name in ("stdout", "stderr"):
        yield "".join("".join(o["text"]) for c in found["cells"] for o in c.get("outputs", []) if o.get("name") == name)
    yield from strings(found)


@pytest.fixture(autouse=True)
def redactor(monkeypatch):
    """The redactor of a process that knows no secret yet."""
    redactor = Redactor()
    monkeypatch.setattr(writing, "REDACTOR", redactor)
    monkeypatch.setattr(tables, "REDACTOR", redactor)
    monkeypatch.setattr("runbook_lib.journal.journal.REDACTOR", redactor)
    return redactor


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(SECRETS, st.sampled_from(sorted(FORMS | CUT)), st.integers(0, 10_000))
def test_two_hundred_outputs_reach_the_disk_without_their_secret(secret, form, cut):
    """Neither the whole secret nor what a truncated display leaves of it: eight letters are too many."""
    secret = secret if form in FORMS else secret * 2
    hidden = [secret] if form in FORMS else [secret[:8], secret[-8:]]
    writing.REDACTOR = Redactor([secret])
    cell = new_code_cell(f"x = {secret!r}", outputs=outputs(secret, form, cut), metadata={"note": secret})
    prose = new_markdown_cell(f"It is `{secret}`.")
    for text in written(new_notebook(cells=[prose, cell], metadata={"title": secret})):
        assert not [way for way in read(text) if any(one in way for one in hidden)], text
    assert writing.REDACTOR.count > 20 or form in CUT


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["p\"s'&<w>\\o rd/+x=9é", "Ab3<b>x</b>%41\\u0041&amp;9"])
def test_what_looks_like_markup_or_an_escape_may_be_a_part_of_the_secret(secret, form):
    told = Redactor([secret]).redact_text(f"before {FORMS[form](secret)} after")
    assert PLACEHOLDER in told
    assert not [way for way in read(told) if secret in way]


def test_what_pandas_and_reprlib_leave_of_a_secret_is_redacted(redactor):
    """Cut at 50 letters, or in its middle; how much of it is left depends on what stands before it."""
    secret = "c3VwZXItc2VjcmV0_of-ours.4711-0815-WXYZabcd"
    redactor.add_secret(secret)
    shown = [reprlib.repr({"web": secret}), reprlib.Repr().repr_str(secret, 1)]
    for before in range(0, 50):
        frame = pd.DataFrame({"x": ["-" * before + secret + "-" * 9]})
        shown += [repr(frame), frame.to_html()]
    assert sum(secret not in text and secret[:9] in text for text in shown) > 20
    for text in shown:
        told = redactor.redact_text(text)
        assert not [at for at in range(len(secret) - 8) if secret[at : at + 9] in told], told


@pytest.mark.parametrize("dots", ["...", "…", " [...]", "'...", "&hellip;", "\\u2026"])
def test_only_letters_beside_an_ellipsis_are_part_of_a_secret(dots):
    """A short secret, fewer letters of a long one, or the same letters without dots are words like any other."""
    redactor = Redactor(["correct-horse-battery", "correct-staple"])
    assert redactor.redact_text(f"is correct-horse-bat{dots}") == f"is {PLACEHOLDER}{dots}"
    for text in (f"correct{dots}", "correct-horse-", f"correct-ion{dots}", f"correct-stap{dots}", f"{dots} of correct"):
        assert redactor.redact_text(text) == text


@pytest.mark.parametrize("length", [16, 17, 64, 250])
def test_all_letters_left_of_a_truncated_secret_are_redacted(length):
    secret = "".join(chr(ord("a") + (7 * n + n // 5) % 26) for n in range(length))
    redactor = Redactor([secret])
    for left in range(8, length):
        assert redactor.redact_text(f"({secret[:left]}...)") == f"({PLACEHOLDER}...)"
        assert redactor.redact_text(f"(...{secret[-left:]})") == f"(...{PLACEHOLDER})"


def test_a_coloured_secret_that_contains_a_tag_is_redacted():
    assert "A22222" not in re.sub(
        "\x1b.*?m", "", Redactor(["12><A222222222>34"]).redact_text(in_colour("12><A222222222>34"))
    )


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("form", ["as it is", "JSON", "JSON in JSON", "HTML", "URL", "colours", "spans"])
def test_unknown_secrets_are_recognised_by_their_form(name, form):
    told = Redactor().redact_text(FORMS[form](LOOKS[name]))
    assert PLACEHOLDER in told
    assert not [(one, way) for way in read(told) for one in HIDDEN if one in way]


def test_a_key_over_several_lines_and_outputs_is_one_secret(redactor):
    lines = PEM.splitlines(keepends=True)
    cell = new_code_cell("show()", outputs=[new_output("stream", name="stdout", text=line) for line in lines])
    texts = list(written(new_notebook(cells=[cell])))
    assert not [text for text in texts if "MIIE" in text or "Zm9v" in text]
    assert redactor.counts == {"private key": 1}


HARMLESS = [
    "arn:aws:iam::123456789012:role/web", "managed_password=True", "password: None", "subnet.private-a  10.20.128.0/20",
    "master_secret=arn:aws:secretsmanager:us-west-2:123456789012:secret:rds!db-1", "The password is made by RDS.",
    "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html", "8acdec61fcdf580c",
    "request id 7b1f4a52-3f0d-4a5e-9a34-1d2e3f4a5b6c",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "app_secret=local/app", "secret.app  kept", "AROAIOSFODNN7EXAMPLE:somebody", "imds: required, 1 hop", "<b>bold</b>",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 me@here", "20261123T201500Z-apply-1a2b", "git 0738992f",
    "token_count = 12",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_not_secret_stays(text):
    """An id, a digest or the name of a secret is what an auditor looks for."""
    for value in (text, html.escape(text), json.dumps(text), {"a": [text, 1, None, True]}):
        assert Redactor(["a-secret-of-ours"]).redact(value) == value


def test_code_that_handles_a_password_stays():
    """Only a quoted value is redacted."""
    redactor = Redactor()
    source = 'password = vault.get("web")\nconnect(password=password, api_key=key)\n'
    assert redactor.redact_text(source, code=True) == source
    assert redactor.redact_text('password = "hunter2secret"', code=True) == f'password = "{PLACEHOLDER}"'


@pytest.mark.parametrize("size", [10, 2000])
def test_a_picture_is_not_touched(redactor, size):
    """Base64 is not text: what looks like a key in it is chance."""
    picture = png(b"a picture of 10.20.0.0/16 " * size)
    chance = base64.b64encode(base64.b64decode("AAAAAKIAIOSFODNN7EXAMPLEAAAA") * 9).decode()
    page = f'<img src="data:image/png;base64,{chance}">'
    bundle = {"image/png": picture, "image/jpeg": chance, "text/html": page}
    assert redactor.redact(bundle) == bundle
    assert redactor.count == 0


def test_a_picture_with_a_secret_in_it_does_not_go_out(redactor):
    redactor.add_secret("a-secret-of-ours")
    picture = png(b"a-secret-of-ours")
    told = redactor.redact({"image/png": picture, "text/html": f'<img src="data:image/png;base64,{picture}">'})
    assert picture not in json.dumps(told)
    assert redactor.counts["within a file"] == 2


FIELDS = [
    "password",
    "MasterUserPassword",
    "SecretString",
    "private_key",
    "AuthToken",
    "SecretAccessKey",
    "client_secret",
]


@given(st.sampled_from(FIELDS), st.text("abc 123", min_size=1).filter(str.strip) | st.integers())
def test_any_value_of_a_secret_field_is_redacted(name, value):
    told = Redactor().redact({"plan": [{name: value}, {"fields": {name: [None, value]}}], "n": 1})
    assert told == {"plan": [{name: PLACEHOLDER}, {"fields": {name: [None, PLACEHOLDER]}}], "n": 1}


def test_names_and_states_of_secrets_stay():
    """Where a secret is stored, and whether AWS manages it, is not secret."""
    arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:local/app-AbCdEf"
    state = {"managed_password": True, "app_secret": arn, "secret": "local/app", "password": None}
    fields = {"app_secret": [None, "random_secret.web/app"], "master_secret": [None, "master_user_secret.db"]}
    shown = {"managed_password": "True", "password": "–", "PublicKeyMaterial": "ssh-rsa AAAA"}
    described = {"MasterUserSecret": {"SecretArn": arn, "SecretStatus": "active"}}
    for one in (state, {"fields": fields}, shown, described):
        assert Redactor().redact(one) == one
    assert list(labelled_secrets(shown | described)) == []


@pytest.mark.parametrize(
    ("told", "secret"),
    [
        (
            {"Name": "x", "SecretString": json.dumps({"username": "someone", "password": "hunter2secret"})},
            "hunter2secret",
        ),
        ({"SecretBinary": b"hunter2secret"}, "hunter2secret"),
        ({"Parameters": [{"Name": "/a", "Type": "SecureString", "Value": "hunter2secret"}]}, "hunter2secret"),
        ({"Credentials": {"AccessKeyId": "ASIA", "SessionToken": "hunter2secret"}}, "hunter2secret"),
        ({"Certificate": b"public", "PrivateKey": PEM.encode()}, PEM.splitlines()[1]),
        ({"MasterUserPassword": "hunter2secret", "MasterUsername": "admin"}, "hunter2secret"),
    ],
    ids=["secret", "binary", "parameter", "credentials", "private key", "request"],
)
def test_secrets_of_aws_requests_and_responses_are_known(told, secret):
    redactor = Redactor()
    redactor.add_secrets_of(told)
    assert redactor.redact_text(f"it is {secret}, by someone") == f"it is {PLACEHOLDER}, by someone"


def test_other_values_of_aws_responses_are_not_secrets():
    answer = {"Parameters": [{"Type": "String", "Value": "ami-12345678"}], "NextToken": "abcdef", "ARN": "arn:aws:x"}
    assert list(labelled_secrets(answer)) == []


def test_a_short_secret_is_only_redacted_as_a_separate_word():
    """Other words contain its letters by chance."""
    redactor = Redactor(["cafe", "admin"])
    assert redactor.redact_text("cafe, decafes, admin") == f"{PLACEHOLDER}, decafes, admin"


def test_the_journal_has_its_count_and_its_chain_but_no_secret(tmp_path, redactor):
    redactor.add_secret("a-secret-of-ours")
    journal = Journal(tmp_path / "j.jsonl")
    journal.write("call", error="no: a-secret-of-ours", request={"Password": "xyz"}, ok=False)
    journal.write("call", ok=True)
    first, second = events_of(journal.path)
    assert (first["error"], first["request"], first["redacted"]) == (f"no: {PLACEHOLDER}", {"Password": PLACEHOLDER}, 2)
    assert "redacted" not in second
    assert is_intact(journal.path)


def test_a_table_has_neither_a_column_of_secrets_nor_one_in_its_texts(tmp_path, redactor):
    redactor.add_secret("a-secret-of-ours")
    frame = pd.DataFrame({"id": ["a", "b"], "password": ["x1", None], "note": ["is a-secret-of-ours", "fine"]})
    text = tables.write_table(tmp_path / "t.csv", frame).read_text()
    assert text.splitlines() == [",id,password,note", f"0,a,{PLACEHOLDER},is {PLACEHOLDER}", "1,b,,fine"]
    assert frame.loc[0, "password"] == "x1", "what the operator holds is not changed"


FRAME = pd.DataFrame(
    {"id": ["a", "b b", "c"], "password": ["x1 y z", "mu/rks", None], "n": [1, 22, 3]}, index=["one", "two", "three"]
)
FRAMES = {
    "as it is": FRAME,
    "with an index": FRAME.set_index("id"),
    "turned": FRAME.T,
    "of two levels": pd.concat({"u": FRAME, "v": FRAME}, axis=1),
    "of two levels, with an index": pd.concat({"u": FRAME, "v": FRAME}, axis=1).set_index(("u", "id")),
    "by groups": FRAME.assign(k=1).set_index(["k", "id"]),
    "wide": pd.DataFrame({f"column-{n}": ["long enough"] * 3 for n in range(9)}).assign(
        db_password=["x1 y z", "mu/rks", ""]
    ),
    "long": pd.concat([FRAME] * 50),
    "one column": FRAME[["password"]],
}
VALUES = ("x1", "y z", "mu", "rks")


@pytest.mark.parametrize("name", FRAMES)
def test_a_table_that_is_not_ours_does_not_show_its_column_of_secrets(redactor, name):
    """Whatever stands in it: neither displayed, where only HTML says surely where a cell is, nor printed."""
    frame = FRAMES[name]
    for shown in (
        redactor.redact({"text/html": frame.to_html(), "text/plain": repr(frame), "text/latex": repr(frame)}),
        redactor.redact({"text/html": [frame._repr_html_()], "text/markdown": repr(frame)}),
        redactor.redact({"text/plain": repr(frame)}),
        {"": redactor.redact_text(f"Before:\n{frame}\nAfter it the words xylophone and musk.").partition("After")[0]},
        {"": redactor.redact_text(f"<p>Before</p>{frame.to_html()}").partition("After")[0]},
    ):
        for kind, told in shown.items():
            told = "".join(told)
            assert not [value for value in VALUES if value in told], (kind, told)
            assert PLACEHOLDER in told
            assert kind not in ("text/html", "") or "id" not in frame.columns or ">b b<" in told or " b b " in told
    assert redactor.counts["secret field"] >= 6


@pytest.mark.parametrize(
    "series",
    [FRAME["password"], FRAME.iloc[0], pd.concat([FRAME["password"]] * 50), FRAME.set_index("id")["password"]],
    ids=["of secrets", "of one line", "long", "with an index"],
)
def test_secret_columns_and_rows_of_a_series_are_redacted(redactor, series):
    told = redactor.redact_text(f"Before:\n{series}\nAfter")
    assert not [value for value in VALUES if value in told]
    assert "dtype:" in told


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><td>name</td><td>API key</td></tr><tr><td>a</td><td>x1 y z</td></tr></table>",
        "<TABLE><TR><TH>Password<TD CLASS='a>b'><b>x1</b> <i>y z</i></TABLE>",
        "<table><tr><th>secret key</th><td colspan=2>x1 y z</td><td><table><tr><td>mu/rks</td></tr></table></table>",
        "<table><tr><th rowspan='2'>a</th><th colspan='2'>b</th></tr><tr><th>c</th><th>password</th></tr>"
        "<tr><td rowspan='2'>1</td><td>2</td><td>x1</td></tr><tr><td>3</td><td>y z</td></tr></table>",
        "<table><thead><tr><th>token_count</th><th>client_secret</th></tr></thead><tbody><tr><td>1</td><td>x1 y z",
    ],
)
def test_secret_columns_of_any_html_table_are_redacted(page):
    told = Redactor().redact_text(page)
    assert not [value for value in VALUES if value in told]
    assert re.findall("<[^>]*>", told) == re.findall("<[^>]*>", page), "it is a table still"
    assert Redactor().redact_text(told) == told


@pytest.mark.parametrize(
    "text",
    [
        "<table><tr><th>name</th><th>about</th></tr><tr><td>password</td><td>it is made by RDS</td></tr></table>",
        "<table><tr><th>app_secret</th><th>password</th></tr><tr><td>local/app</td><td>None</td></tr></table>",
        FRAME[["id", "n"]].to_html(),
        repr(FRAME[["id", "n"]]),
        repr(FRAME["id"]),
        " the password\nof whomever it\nis",
        "NAME        ABOUT\npassword    what he knows\n",
        "<table><tr><th>Resource</th><th>id</th></tr><tr><th>role_policy.master-secret</th><td>b b</td></tr></table>",
        "<table><tr><th>Claim</th><th>holds</th></tr><tr><th>nobody knows the password</th><td>yes</td></tr></table>",
        repr(FRAME.set_axis(["role_policy.master-secret", "b", "c"])[["id", "n"]]),
        repr(pd.DataFrame({"master_secret": ["arn:aws:secretsmanager:us-west-2:1:secret:x"]}, index=["a b"])),
        "  password   what he knows\n  user       who he is   \n  length     of it, at le\n",
    ],
)
def test_tables_without_secrets_stay(text):
    assert Redactor().redact_text(text) == text
    assert Redactor().redact({"text/html": text, "text/plain": "as it was"})["text/plain"] == "as it was"


def test_redactions_are_counted_by_kind():
    redactor = Redactor(["a-secret-of-ours"])
    redactor.redact_text(f"a-secret-of-ours a-secret-of-ours {JWT} password=hunter2secret")
    assert redactor.counts == {"known": 2, "token": 1, "password": 1}
    assert redactor.count == 4


@pytest.mark.parametrize("kind", sorted({pattern.name for pattern in PATTERNS} | {"known", "secret field"}))
def test_the_counts_of_redactions_are_not_redacted(tmp_path, redactor, kind):
    """Also for a kind that is named like a secret field."""
    redactor.counts[kind] = 19
    journal = Journal(tmp_path / "j.jsonl")
    journal.write("cells", redactions=redactor.redactions({kind: 2}))
    (event,) = events_of(journal.path)
    assert event["redactions"] == [{"kind": kind, "count": 21}]
    assert "redacted" not in event


def test_cleaning_twice_changes_nothing_more():
    redactor = Redactor(["a-secret-of-ours"])
    once = redactor.redact_text("\n".join([*LOOKS.values(), "a-secret-of-ours"]))
    count = redactor.count
    assert redactor.redact_text(once) == once
    assert redactor.count == count
