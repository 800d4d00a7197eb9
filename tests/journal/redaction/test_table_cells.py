"""The secret cells of a table go, and each other cell stays."""

import pandas as pd
import pytest

from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.journal.redaction.table_cells import NOTE, blank_cells, html_cells, plain_cells


def cells(text):
    return [text[start:end] for start, end in html_cells(text)]


def printed(text):
    return sorted({text[start:end] for start, end in plain_cells(text)})


def table(*rows, head="th", body="td"):
    lines = [f"<tr>{''.join(f'<{head}>{cell}</{head}>' for cell in rows[0])}</tr>"]
    lines += [f"<tr>{''.join(f'<{body}>{cell}</{body}>' for cell in row)}</tr>" for row in rows[1:]]
    return f"<table>{''.join(lines)}</table>"


EMPTY = [
    "",
    " ",
    "nan",
    "NaN",
    "&lt;NA&gt;",
    "NaT",
    "..",
    "...",
    "…",
    PLACEHOLDER,
    "None",
    "–",
    "-",
    "True",
    "arn:aws:x:y",
]


@pytest.mark.parametrize("value", EMPTY)
def test_a_cell_without_a_value_stays(value):
    """An auditor sees that there was none."""
    assert cells(table(("id", "password", "auth_token"), ("a", value, "x1"), ("c", "x2", value))) == ["x1", "x2"]


@pytest.mark.parametrize("value", ["0", "none of it", "....", "x", "na", "nano"])
def test_every_other_cell_of_a_secret_column_goes(value):
    assert cells(table(("id", "password"), ("a", value), ("b", f"<b>{value}</b>"))) == [value, f"<b>{value}</b>"]


@pytest.mark.parametrize(
    "head",
    ["password", " Password ", "db_password", "DB Password", "'password'", '"password"', "(password)", "[password]",
     "*password*", "password:", "<b>password</b>", "client&#95;secret", "The DB password", "api key", "\tpassword\n"],
)  # fmt: skip
def test_a_head_is_read_as_a_person_reads_it(head):
    assert cells(table(("id", head), ("a", "x1"), ("b", "x2"))) == ["x1", "x2"]


@pytest.mark.parametrize(
    "head", ["the new DB password", "password hint", "passwords", "passwordX", "token_count", "secret.name"]
)
def test_a_head_that_names_no_secret_hides_nothing(head):
    assert cells(table(("id", head), ("a", "x1"), ("b", "x2"))) == []


@pytest.mark.parametrize("head", ["password", "DB password"])
def test_a_row_with_a_secret_head_goes(head):
    page = (
        f"<table><tr><th>id</th><td>a</td></tr><tr><th>{head}</th><td>x1</td><td>x2</td></tr>"
        "<tr><th>n</th><td>b</td></tr></table>"
    )
    assert cells(page) == ["x1", "x2"]


@pytest.mark.parametrize("head", ["the DB password", "random.password", "role_policy.db-password"])
def test_a_row_with_the_key_of_a_resource_or_a_sentence_stays(head):
    assert cells(f"<table><tr><th>n</th><td>a</td></tr><tr><th>{head}</th><td>x1</td></tr></table>") == []


def test_a_head_among_the_cells_of_its_row_is_found():
    page = "<table><tr><th>a</th><td>1</td></tr><tr><td>0</td><th>n</th><th>password</th><td>x1</td></tr></table>"
    assert cells(page) == ["0", "x1"]


def test_the_last_of_several_heads_above_a_column_counts_too():
    """Two rows of heads: a column is secret when either of them says so."""
    page = (
        "<table><thead><tr><td>password</td><td>id</td><td>n</td></tr><tr><td>u</td><td>secret</td><td>v</td></tr>"
        "</thead><tbody><tr><td>x1</td><td>x2</td><td>3</td></tr></tbody></table>"
    )
    assert cells(page) == ["x1", "x2"]


def test_a_table_without_heads_begins_with_them():
    page = table(("id", "password"), ("a", "x1"), ("password", "x2"), head="td")
    assert cells(page) == ["x1", "x2"]
    assert cells(table(("id", "n"), ("password", "x2"), ("a", "b"), head="td")) == []


def test_a_row_of_heads_may_stand_anywhere():
    page = (
        "<table><tr><th>id</th><th>n</th></tr><tr><td>a</td><td>1</td></tr>"
        "<tr><th>id</th><th>password</th></tr><tr><td>b</td><td>x1</td></tr></table>"
    )
    assert cells(page) == ["x1"]


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("name", ["colspan", "COLSPAN", "colspan "])
def test_a_head_over_several_columns_covers_them_all(name, quote):
    page = (
        f"<table><tr><th>id</th><th {name}={quote}2{quote}>password</th><th>n</th></tr>"
        "<tr><td>a</td><td>x1</td><td>x2</td><td>1</td></tr></table>"
    )
    assert cells(page) == ["x1", "x2"]


@pytest.mark.parametrize("span", ["0", "1", "", "x", "-2"])
def test_a_span_that_says_nothing_is_one_column(span):
    page = f"<table><tr><th colspan='{span}'>id</th><th>password</th></tr><tr><td>a</td><td>x1</td></tr></table>"
    assert cells(page) == ["x1"]


def test_a_span_has_an_end():
    """HTML allows a thousand columns: https://html.spec.whatwg.org/multipage/tables.html"""
    page = "<table><tr><th colspan='9999'>id</th><th>password</th></tr><tr>{}<td>x1</td></tr></table>"
    assert cells(page.format("<td>a</td>" * 1000)) == ["x1"]
    assert cells(page.format("<td>a</td>" * 999)) == []


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_cell_over_several_rows_moves_those_beside_it(rows):
    lines = [f"<tr><td rowspan='{rows}'>a</td><td>x1</td></tr>"]
    lines += ["<tr><td>x2</td></tr>"] * (rows - 1) + ["<tr><td>b</td><td>x3</td></tr>"]
    page = f"<table><tr><th>id</th><th>password</th></tr>{''.join(lines)}</table>"
    assert cells(page) == ["x1", *["x2"] * (rows - 1), "x3"]


def test_two_cells_over_several_rows_move_those_beside_them_together():
    page = (
        "<table><tr><th>id</th><th>n</th><th>password</th></tr>"
        "<tr><td rowspan=2>a</td><td rowspan=2>1</td><td>x1</td></tr><tr><td>x2</td></tr></table>"
    )
    assert cells(page) == ["x1", "x2"]


@pytest.mark.parametrize("shape", [str, str.upper, lambda page: page.replace("<td>", "<td class='a>b' id=\"c>d\">")])
def test_tags_are_found_in_every_spelling(shape):
    page = shape(table(("id", "password"), ("a", "x1"), ("b", "x2")))
    assert [cell.lower() for cell in cells(page)] == ["x1", "x2"]


def test_only_the_tags_of_a_table_end_a_cell():
    page = "<table><tr><th>id</th><th>password</th></tr><tr><td>a<track>b</td><td>x1<track>x2<thx>x3</td></tr></table>"
    assert cells(page) == ["x1<track>x2<thx>x3"]


def test_a_table_without_its_ends_is_read_to_the_end():
    assert cells("<table><tr><th>password<tr><td>x1<tr><td>x2</table>") == ["x1", "x2"]
    assert cells("<table><tr><th>password</th><tr><td>x1</td><tr><td>x2 and more") == ["x1", "x2 and more"]
    assert cells("<table><th>password</th><tr><td>x1</td></tr></table>") == ["x1"]


def test_each_of_several_tables_is_read_by_itself():
    first, second = table(("id", "password"), ("a", "x1")), table(("id", "n"), ("b", "2"))
    assert cells(first + second + first) == ["x1", "x1"]
    assert cells(f"<tr><td>password</td></tr>{second}</table></table>{first}") == ["x1"]


def test_a_table_in_a_cell_is_read_by_itself():
    inner = table(("id", "auth_token"), ("b", "x1"))
    assert cells(table(("id", "n"), ("a", inner), ("c", "2"))) == ["x1"]


def test_a_text_without_tables_has_no_cells():
    assert cells("<p>password</p><td>x1</td>") == []
    assert cells("password x1") == []


@pytest.mark.parametrize("content", ["page", ["page"], ["pa", "ge"]])
def test_only_the_html_of_a_table_with_secrets_is_kept(content):
    """In LaTeX or plain text nobody knows surely where a cell is."""
    page = table(("id", "password"), ("a", "x1"), ("b", "x2"))
    shown = page if content == "page" else [page] if len(content) == 1 else [page[:3], page[3:]]
    told = blank_cells({"text/html": shown, "text/plain": "x1", "text/latex": "x1", "image/png": "iVBO"})
    assert told == {"text/html": shown, "text/plain": NOTE, "text/latex": NOTE, "image/png": "iVBO"}
    redacted = Redactor().redact({"text/html": shown, "text/plain": "a x1", "text/latex": "a & x1"})
    assert (redacted["text/plain"], redacted["text/latex"]) == (NOTE, NOTE)


@pytest.mark.parametrize("page", [table(("id", "n"), ("a", "x1")), "<p>password x1</p>", None, 3, {"a": 1}])
def test_what_has_no_secret_column_is_shown_in_every_form(page):
    shown = {"text/html": page, "text/plain": "x1"}
    assert blank_cells(shown) == shown
    assert blank_cells({"text/plain": "x1"}) == {"text/plain": "x1"}


FRAME = pd.DataFrame(
    {"id": ["a", "b b", "c"], "password": ["x1 y", "mu/rks", None], "n": [1, 22, 3]}, index=["one", "two", "three"]
)


def test_what_pandas_prints_has_its_secret_cells_alone():
    assert printed(f"Before:\n{FRAME}\nAfter") == ["mu/rks", "x1 y"]
    assert printed(repr(FRAME.T)) == ["mu/rks", "x1 y"] or "x1 y" in "".join(printed(repr(FRAME.T)))
    assert printed(repr(FRAME.assign(auth_token=["t1", "t2", "t3"]))) == ["mu/rks", "t1", "t2", "t3", "x1 y"]
    assert printed(repr(FRAME[["id", "n"]])) == []


@pytest.mark.parametrize("head", ["api key", "API Key", "Secret Access Key", "Secret access key", "private-key"])
def test_a_head_may_have_several_words(head):
    frame = FRAME[["id"]].assign(**{head: ["t1", "t2", "t3"]})
    assert printed(repr(frame)) == ["t1", "t2", "t3"]
    assert printed(repr(frame.assign(n=[1, 2, 3], key=["k1", "k2", "k3"]))) == ["t1", "t2", "t3"]
    assert printed(" api  key\n  a1   k1\n  a2   k2") == []
    assert printed(repr(frame.set_index("id")[head])) == ["t1", "t2", "t3"]
    assert printed(repr(frame.rename(columns={head: "no secret access keys"}))) == []
    assert printed(repr(pd.Series({"Access key ID": "a1", head: "t1 t2", "others": "b"}))) == ["t1 t2"]


def test_two_frames_under_one_another_are_read_by_themselves():
    text = f"{FRAME[['id', 'password']]}\n{FRAME[['id', 'n']]}\n\n{FRAME[['password']]}"
    assert printed(text) == ["mu/rks", "x1 y"]


@pytest.mark.parametrize("name", ["password", "db password", None, "id"])
def test_a_series_shows_its_secrets_by_its_name_or_its_rows(name):
    series = FRAME["password"].rename(name)
    assert printed(f"Before\n{series}\nAfter") == (["mu/rks", "x1 y"] if name and "password" in name else [])
    row = pd.Series({"id": "a", "password": "x1 y", "n": 1, "auth_token": "t 1"}, name=name)
    assert set(printed(f"Before\n{row}\nAfter")) >= {"x1 y", "t 1"}


def test_the_rows_of_a_long_series_are_found_around_its_ellipsis():
    series = pd.Series([f"x{n}" for n in range(100)], name="password")
    assert len(printed(repr(series))) == 10


def test_a_series_begins_after_the_last_line_that_is_no_row():
    assert printed("password  x1\nand more\nauth_token  x2\nname  x3\ndtype: object") == ["x2"]
    assert printed("\npassword  x1\ndtype: object") == ["x1"]
    assert printed("password  x1\n...\nauth_token  x2\n\ndtype: object") == ["x1", "x2"]


@pytest.mark.parametrize(
    "trailer", ["dtype: object", "Name: password, dtype: object", "Name: password, Length: 100, dtype: str"]
)
def test_every_end_of_a_series_is_known(trailer):
    text = f"password    x1\nauth_token  x2\n{trailer}"
    assert printed(text) == ["x1", "x2"]
    assert printed(f"{text} and more") == []
    assert printed(f"password  x1 {trailer}") == []
    assert printed(f"password  x\n{trailer}") == ["x"]
    assert printed(f"it  {text}\n") == (["password    x1", "x2"] if "Name" in trailer else ["x2"])


def test_a_value_wider_than_its_head_goes_whole():
    frame = pd.DataFrame({"id": ["a", "b"], "pwd": ["a-long-value", "b-value"], "n": [1, 2]})
    assert printed(repr(frame)) == ["a-long-value", "b-value"]
    assert printed(repr(frame[["pwd", "id"]])) == ["a-long-value", "b-value"]
    assert printed(repr(pd.DataFrame({"pwd": ["x1  y", "x2"]}, index=["one", "two"]))) == ["x1  y", "x2"]
    assert printed(repr(frame.rename(columns={"pwd": "DB password"}))) == ["a-long-value", "b-value"]
    without_index = pd.DataFrame({"password": ["hunter123", "x1"]}).to_string(index=False)
    assert without_index.startswith(" password\nhunter123")
    assert printed(without_index) == ["hunter123", "x1"]
    wide = pd.DataFrame({"pwd": ["a-long-value", "b"]}, index=["", "x"])
    assert "a-long-value" in printed(repr(wide))


def test_what_does_not_end_below_its_head_is_no_cell():
    """pandas aligns to the right: such a text is prose."""
    assert printed(" id  password\n a   x1      \n b         x2") == ["x2"]
    assert printed(" id  password n\n a         x1 1\n b         x2y1\n c        x3  1") == ["x1"]


def test_where_a_secret_is_stored_stays_in_a_printed_row():
    frame = pd.DataFrame(
        {"value": ["local/app", "hunter2", "None", "x"]}, index=["app_secret", "password", "pwd", "id"]
    )
    assert printed(repr(frame)) == ["hunter2"]
    series = pd.Series({"app_secret": "local/app", "password": "hunter2", "pwd": "None", "id": "x"})
    assert printed(repr(series)) == ["hunter2"]
