"""Data, notebooks and files keep their shape without their secrets."""

import base64
import json
import textwrap
from collections import OrderedDict
from types import MappingProxyType
from urllib.parse import quote

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook_lib.journal.redaction import redactor as module
from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor

SECRET = "a-secret-of-ours"


@pytest.fixture
def redactor():
    return Redactor([SECRET])


def encode(raw):
    return base64.b64encode(raw).decode()


def test_each_new_secret_is_passed_on_once():
    passed = []
    redactor = Redactor()
    redactor.on_new_secret = passed.append
    for secret in ("first-one", {"a": "first-one", "b": "second-one"}, b"second-one"):
        redactor.add_secret(secret)
    assert passed == ["first-one", "second-one"]
    assert redactor.secrets == ("first-one", "second-one")
    assert Redactor(redactor.secrets).redact_text("second-one") == PLACEHOLDER


def test_a_text_that_was_clean_is_read_again_after_a_new_secret(redactor):
    assert redactor.redact_text("it is hunter2-hunter") == "it is hunter2-hunter"
    redactor.add_secret("hunter2-hunter")
    assert redactor.redact_text("it is hunter2-hunter") == f"it is {PLACEHOLDER}"


def test_a_text_that_is_clean_as_code_may_not_be_so_as_output(redactor):
    text = "password=hunter2"
    assert redactor.redact_text(text, code=True) == text
    assert redactor.redact_text(text) == f"password={PLACEHOLDER}"
    assert redactor.redact_text("a = 1") == redactor.redact_text("a = 1", code=True)


def test_what_is_remembered_of_clean_texts_has_an_end(redactor, monkeypatch):
    monkeypatch.setattr(module, "_CACHE_SIZE", 3)
    searched = []
    monkeypatch.setattr(redactor, "_matches", lambda *args: searched.append(args[0]) or ())
    for text in ("text 0", "text 1", "text 2", "text 3", "text 0", "text 4", "text 5", "text 4", "text 0"):
        redactor.redact_text(text)
    assert searched == ["text 0", "text 1", "text 2", "text 3", "text 4", "text 5", "text 0"]


def test_a_secret_that_another_one_hid_is_redacted_too():
    """What is left of a text after a redaction is read again."""
    redactor = Redactor(["outer-secret"])
    assert redactor.redact_text("password: outer-secret") == f"password: {PLACEHOLDER}"
    hidden = "hunter<b>2-outer-secret</b>-hunter"
    redactor.add_secret(f"hunter2-{PLACEHOLDER}-hunter")
    assert "hunter2" not in redactor.redact_text(hidden).replace("<b>", "").replace("</b>", "")


def test_secrets_within_secrets_are_redacted_one_after_the_other():
    secrets = ["secret-zero", f"a1-{PLACEHOLDER}-1a", f"b2-{PLACEHOLDER}-2b", f"c3-{PLACEHOLDER}-3c"]
    assert Redactor(secrets).redact_text("<c3-b2-a1-secret-zero-1a-2b-3c>") == f"<{PLACEHOLDER}>"


def test_redactions_of_two_redactors_are_added_and_sorted(redactor):
    redactor.redact_text(f"{SECRET}, password=hunter2, {SECRET}")
    expected = [{"kind": "AWS key", "count": 1}, {"kind": "known", "count": 5}, {"kind": "password", "count": 1}]
    assert redactor.redactions({"known": 3, "AWS key": 1}) == expected
    assert redactor.redactions() == [{"kind": "known", "count": 2}, {"kind": "password", "count": 1}]
    assert redactor.count == 3


@pytest.mark.parametrize("text", ["", "a", "abc"])
def test_a_text_shorter_than_any_secret_stays(redactor, text):
    assert redactor.redact(text) == text


def test_a_secret_of_four_letters_is_found():
    assert Redactor(["abcd"]).redact_text("abcd") == PLACEHOLDER


def test_every_value_keeps_its_type(redactor):
    value = {"a": (1, 2.5, None, True), "b": ["x", SECRET], "c": (SECRET, 3), "d": b"x \xff", "e": [], "f": {SECRET: 1}}
    assert redactor.redact(value) == {
        "a": [1, 2.5, None, True], "b": ["x", PLACEHOLDER], "c": [PLACEHOLDER, 3], "d": "x \ufffd", "e": [],
        "f": {PLACEHOLDER: 1},
    }  # fmt: skip
    assert redactor.redact(("x", "y")) == ["x", "y"], "as JSON has it"
    assert redactor.redact(b"it is a-secret-of-ours") == f"it is {PLACEHOLDER}"
    assert redactor.redact([b"password=hunter2", 1], code=True) == ["password=hunter2", 1]
    assert redactor.redact([["password=hunter2"], {"a": "password=hunter2"}], code=True) == [
        ["password=hunter2"], {"a": "password=hunter2"}
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [dict, OrderedDict, NotebookNode])
def test_a_mapping_keeps_its_class(redactor, kind):
    value = kind({"a": SECRET, "b": kind({"c": 1})})
    told = redactor.redact(value)
    assert (type(told), type(told["b"])) == (kind, kind)
    assert told == {"a": PLACEHOLDER, "b": {"c": 1}}
    assert value["a"] == SECRET, "what the caller holds is not changed"
    assert redactor.redact(MappingProxyType({"a": SECRET})) == {"a": PLACEHOLDER}


HIDDEN = [
    (5, PLACEHOLDER), (0, PLACEHOLDER), (1.5, PLACEHOLDER), ("x", PLACEHOLDER), (b"x", PLACEHOLDER),
    (b"\xff", PLACEHOLDER),
    (["x", ("y", None)], [PLACEHOLDER, [PLACEHOLDER, None]]),
    ({"a": "x", "b": [1, True]}, {"a": PLACEHOLDER, "b": [PLACEHOLDER, True]}),
    (None, None), (True, True), (False, False), (PLACEHOLDER, PLACEHOLDER), ("arn:aws:x:y", "arn:aws:x:y"),
    (b"arn:aws:x:y", "arn:aws:x:y"), ("", ""), ("None", "None"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "left"), HIDDEN)
def test_every_value_in_a_secret_field_goes_but_those_that_say_nothing(value, left):
    redactor = Redactor()
    assert redactor.redact({"n": 1, "password": value}) == {"n": 1, "password": left}
    assert redactor.counts["secret field"] == json.dumps(left).count(PLACEHOLDER) - (value == PLACEHOLDER)


def test_a_missing_value_of_a_table_stays():
    told = Redactor().redact({"password": [float("nan"), "x"]})["password"]
    assert told[0] != told[0]
    assert told[1] == PLACEHOLDER


def test_what_aws_says_about_a_secret_stays():
    """A mapping in a field *secret* describes it; in a field for a password, everything is one."""
    described = {"Name": "web", "Status": "active", "Password": "x"}
    told = Redactor().redact({"MasterUserSecret": described, "password": described})
    assert told["MasterUserSecret"] == described | {"Password": PLACEHOLDER}
    assert set(told["password"].values()) == {PLACEHOLDER}


FILES = ["image/png", "image/jpeg", "audio/wav", "video/mp4", "font/woff", "application/pdf",
         "application/octet-stream",
         "application/zip", "application/gzip"]  # fmt: skip
CHANCE = encode(base64.b64decode("AAA/AKIAIOSFODNN7EXAMPLE+AAA") * 9)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("raw", [SECRET.encode(), b"x" * 50 + SECRET.encode() + b"\xff"])
def test_a_file_with_a_secret_in_it_is_replaced(redactor, kind, raw):
    assert redactor.redact({kind: encode(raw)}) == {kind: encode(PLACEHOLDER.encode())}
    assert redactor.counts == {"within a file": 1}
    told = redactor.redact({kind: encode(PLACEHOLDER.encode())})
    assert told == {kind: encode(PLACEHOLDER.encode())}
    assert redactor.count == 1


@pytest.mark.parametrize("kind", FILES)
def test_a_file_without_a_secret_is_not_read_as_text(redactor, kind):
    assert redactor.redact({kind: CHANCE, "x": [kind]}) == {kind: CHANCE, "x": [kind]}
    assert redactor.redact({kind: 5}) == {kind: 5}


def test_an_assignment_in_a_file_is_no_secret(redactor):
    """Most files are programs of a kind; what is printed is read more strictly."""
    encoded = encode(b"a picture with password=hunter2 in it")
    assert redactor.redact({"image/png": encoded}) == {"image/png": encoded}


@pytest.mark.parametrize("kind", ["image/svg+xml", "application/json", "text/plain", "x-image/png"])
def test_what_is_text_is_read_as_text(redactor, kind):
    assert redactor.redact({kind: f"it is {SECRET}"}) == {kind: f"it is {PLACEHOLDER}"}


@pytest.mark.parametrize("code", ["utf-8", "latin-1"])
def test_a_file_is_read_in_both_codes(code):
    redactor = Redactor(["gehéimnisvoll"])
    assert redactor.redact({"image/png": encode("gehéimnisvoll".encode(code))}) == {
        "image/png": encode(PLACEHOLDER.encode())
    }


@pytest.mark.parametrize(
    "shape",
    [str, lambda text: text.replace("+", "-").replace("/", "_"), lambda text: "\n".join([text[:9], text[9:]]),
     lambda text: "\\n".join([text[:9], text[9:]]), lambda text: f"{text[:9]} {text[9:]}"],
)  # fmt: skip
def test_a_file_is_decoded_however_it_is_written(redactor, shape):
    for before in (b"\xfb\xff\xbe>>?" * 3, b"\xff\xff\xffabc", b"ab?", b"ab>"):
        encoded = shape(encode(before + SECRET.encode()))
        assert redactor.redact({"image/png": encoded}) == {"image/png": encode(PLACEHOLDER.encode())}
        # A short secret is not searched for in base64 itself.
        encoded = shape(encode(before + b" hunter2 " + before))
        assert Redactor(["hunter2"]).redact({"image/png": encoded}) == {"image/png": encode(PLACEHOLDER.encode())}


@pytest.mark.parametrize("broken", ["AAAAA", "A", f"{SECRET}!", f"!{SECRET}==="])
def test_a_file_that_is_no_base64_is_read_as_it_is(redactor, broken):
    """It cannot be shown, and its text may be a secret."""
    told = redactor.redact({"image/png": broken})["image/png"]
    assert told == (encode(PLACEHOLDER.encode()) if SECRET in broken else broken)


def data(encoded, kind="image/png"):
    return f'<img src="data:{kind};base64,{encoded}"> so'


@pytest.mark.parametrize("kind", ["image/png", "application/x-a.b+c", ""])
def test_a_picture_within_a_page_is_not_read_as_text(redactor, kind):
    for picture in (CHANCE, f"{CHANCE}AAA/AKIAIOSFODNN7EXAMPLE"):
        page = data(picture, kind)
        assert redactor.redact(page) == page
    hidden = data(encode(b"x" * 30 + SECRET.encode()), kind)
    assert redactor.redact(hidden) == data(PLACEHOLDER, kind)
    assert redactor.counts == {"within a file": 1}


WAYS = {
    "in a URL": lambda text: quote(text, safe=""), "over lines": lambda text: "\n".join(textwrap.wrap(text, 20)),
    "over lines in JSON": lambda text: "\\n".join(textwrap.wrap(text, 20)),
    "in the alphabet of URLs": lambda text: text.replace("+", "-").replace("/", "_"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("before", range(3))
def test_the_whole_picture_with_a_secret_goes_however_it_is_written(redactor, way, before):
    """Its base64 has pluses, slashes and equals signs, which a URL escapes."""
    bits = b"\xfb\xef\xbe\xff\xff\xff" * 4
    after = bits + b"x" * (1 + before % 2)
    encoded = encode(bits + b"x" * before + SECRET.encode() + after)
    assert {"+", "/", "="} <= set(encoded)
    assert redactor.redact(data(way(encoded))) == data(PLACEHOLDER)
    clean = way(encode(bits + b"x" * before + b"no secret of us." + after))
    assert redactor.redact(data(clean)) == data(clean)


def test_only_the_picture_with_a_secret_is_taken_out_of_a_page(redactor):
    hidden = encode(b"x" * 30 + SECRET.encode())
    page = data(CHANCE) + data(hidden) + data(encode(PLACEHOLDER.encode() * 1)) + data(CHANCE)
    assert redactor.redact(page) == page.replace(hidden, PLACEHOLDER)


def test_the_letters_of_a_picture_may_be_a_secret_themselves():
    """By chance, or since somebody took a secret for a picture."""
    told = Redactor(["hunter2hunter2ab"]).redact_text(data("AAAAhunter2hunter2abAAAA"))
    assert told == data(f"AAAA{PLACEHOLDER}AAAA")


def test_what_stands_beside_a_picture_is_read(redactor):
    page = f"AKIAIOSFODNN7EXAMPLE {data(CHANCE)} AKIAIOSFODNN7EXAMPLE"
    assert redactor.redact(page) == f"{PLACEHOLDER} {data(CHANCE)} {PLACEHOLDER}"
    assert "data:" not in redactor.redact(f"{PLACEHOLDER} password=hunter2")


def test_a_secret_over_several_texts_leaves_one_placeholder(redactor):
    texts = ["it is a-sec", "ret-", "of-ours, and a-secret-of-ours", "", " too"]
    assert redactor.redact_texts(texts) == [f"it is {PLACEHOLDER}", "", f", and {PLACEHOLDER}", "", " too"]
    assert redactor.redact(["a-secret-", "of-ours"]) == [PLACEHOLDER, ""]
    assert redactor.counts == {"known": 3}
    assert redactor.redact_texts([f"{SECRET}.", "and more", f"so {SECRET}"]) == [
        f"{PLACEHOLDER}.", "and more", f"so {PLACEHOLDER}"
    ]  # fmt: skip
    colours = "\x1b[1ma-sec\x1b[2mret-of-ours\x1b[3m and so on"
    left = f"\x1b[1m{PLACEHOLDER}\x1b[2m\x1b[3m and so on"
    assert redactor.redact_texts(["x \x1b[0m", colours, colours]) == ["x \x1b[0m", left, left]
    assert redactor.redact_texts(["password=hun", "ter2"]) == [f"password={PLACEHOLDER}", ""]


@pytest.mark.parametrize("cut", range(1, len(SECRET)))
def test_a_secret_may_end_anywhere_in_the_next_text(redactor, cut):
    told = redactor.redact_texts([f"x{SECRET[:cut]}", f"{SECRET[cut:]}y", "z"])
    assert told == [f"x{PLACEHOLDER}", "y", "z"]


def test_nothing_of_a_secret_is_kept_as_if_it_were_markup():
    for secret in ("XX-XXXX-XX12", "horse\x1b[1m-battery"):
        assert Redactor([secret]).redact_text(f"<{secret}>") == f"<{PLACEHOLDER}>"
    cell = "\x1b[1mx1\x1b[0m"
    assert Redactor().redact_text(f" id    password\n a{cell:>13}") == f" id    password\n a   {PLACEHOLDER}"


def test_a_tag_that_is_part_of_a_secret_goes_with_the_cell_around_it():
    page = "<table><tr><th>password</th></tr><tr><td><b>and</b> {}</td></tr></table>"
    secret = "hunter<i>two-two"
    assert Redactor([secret]).redact_text(page.format(secret)) == page.replace("<b>and</b> {}", PLACEHOLDER)


def test_overlapping_secrets_are_one():
    redactor = Redactor(["abcdefghij", "fghijklmno", "defgh-not-here"])
    assert redactor.redact_text("<abcdefghijklmno>") == f"<{PLACEHOLDER}>"
    assert redactor.counts == {"known": 1}
    redactor = Redactor(["abcdefghijklmno", "defghijk"])
    assert redactor.redact_text("<abcdefghijklmno>") == f"<{PLACEHOLDER}>"
    assert Redactor(["abcdefgh", "ijklmnop"]).redact_text("abcdefghijklmnop") == PLACEHOLDER * 2


def test_two_secrets_that_touch_are_two(redactor):
    assert redactor.redact_text(SECRET * 2) == PLACEHOLDER * 2
    assert redactor.counts == {"known": 2}


def output(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_every_part_of_a_cell_is_redacted_but_its_id(redactor):
    cell = new_code_cell(
        f"x = '{SECRET}'", id="a-secret-of-ours", metadata={"tags": [SECRET], "note": "password=hunter2"},
        outputs=[
            output("it is a-secret"), output("to stderr a-se", "stderr"), output("-of-ours.\n"),
            output("cret-of-ours", "stderr"),
        ],
        execution_count=7,
    )  # fmt: skip
    redactor.redact_cell(cell)
    assert (cell.id, cell.cell_type, cell.execution_count, cell.source) == (SECRET, "code", 7, f"x = '{PLACEHOLDER}'")
    assert cell.metadata == {"tags": [PLACEHOLDER], "note": f"password={PLACEHOLDER}"}
    assert [one.text for one in cell.outputs] == [f"it is {PLACEHOLDER}", f"to stderr {PLACEHOLDER}", ".\n", ""]


@pytest.mark.parametrize("secret", ["code", "markdown", "stream", "stdout"])
def test_a_cell_stays_a_cell_whatever_is_secret(secret):
    """Jupyter would not open the notebook otherwise."""
    cells = [new_code_cell("1", id="code", outputs=[output(f"a {secret} b")]), new_markdown_cell("x", id="markdown")]
    for cell in cells:
        Redactor([secret]).redact_cell(cell)
    assert [(cell.id, cell.cell_type) for cell in cells] == [("code", "code"), ("markdown", "markdown")]
    assert cells[0].outputs[0].text == f"a {PLACEHOLDER} b"


def test_assignments_stay_in_sources_and_go_in_outputs(redactor):
    text = "password=hunter2\n"
    cell = new_code_cell(
        text, outputs=[output(["password=", "hunter2\n"]), new_output("display_data", {"text/plain": text})]
    )
    redactor.redact_cell(cell)
    assert cell.source == text
    assert cell.outputs[0].text == f"password={PLACEHOLDER}\n"
    assert cell.outputs[1].data["text/plain"] == f"password={PLACEHOLDER}\n"


def test_a_notebook_is_redacted_with_its_metadata(redactor):
    cells = [new_markdown_cell(f"it is {SECRET}"), new_code_cell("1", outputs=[output(SECRET)])]
    notebook = new_notebook(
        cells=cells, metadata={"password": "x", "note": "password=hunter2", "papermill": {"a": SECRET}}
    )
    redactor.redact_notebook(notebook)
    assert [cell.source for cell in notebook.cells] == [f"it is {PLACEHOLDER}", "1"]
    assert notebook.cells[1].outputs[0].text == PLACEHOLDER
    expected = {"password": PLACEHOLDER, "note": f"password={PLACEHOLDER}", "papermill": {"a": PLACEHOLDER}}
    assert notebook.metadata == expected
