"""What is read from the YAML of a parameter file, with which lines; and what is refused, with which words."""

import pytest
import yaml
from yaml.reader import ReaderError

from runbook_lib.params.document import MAX_BYTES, Document, Unreadable
from runbook_lib.params.problem import Problem


def refused(text):
    with pytest.raises(Unreadable) as caught:
        Document(text)
    return str(caught.value), caught.value.line


def misread(text):
    """What a value of *a*, written so, is told to be."""
    document = Document(f"a: {text}\n")
    assert document.values == {"a": text}
    assert document.misread == {("a",)}
    (problem,) = document.problems
    assert (problem.at, problem.value) == (("a",), text)
    return problem.why


def test_each_value_has_the_line_on_which_it_or_its_key_stands():
    text = "# first\na:\n  b: [x, {c: 1},\n    y]\n  d: |\n    long\n    text\ne:\n- f\n-\n  g: null\n"
    document = Document(text)
    assert document.values == {"a": {"b": ["x", {"c": 1}, "y"], "d": "long\ntext\n"}, "e": ["f", {"g": None}]}
    assert document.lines == {
        (): 2, ("a",): 2, ("a", "b"): 3, ("a", "b", 0): 3, ("a", "b", 1): 3, ("a", "b", 1, "c"): 3, ("a", "b", 2): 4,
        ("a", "d"): 5, ("e",): 8, ("e", 0): 9, ("e", 1): 11, ("e", 1, "g"): 11,
    }  # fmt: skip
    assert (document.problems, document.misread) == ([], set())


@pytest.mark.parametrize(
    ("text", "values", "lines"),
    [
        ("", None, {}), ("# nothing\n", None, {}), ("\n---\n", None, {(): 3}), ("\n\na b\n", "a b", {(): 3}),
        ("- 1\n", [1], {(): 1, (0,): 1}), ("{}\n", {}, {(): 1}), ("[]\n", [], {(): 1}),
    ],
)  # fmt: skip
def test_a_document_may_be_empty_or_no_mapping(text, values, lines):
    document = Document(text)
    assert (document.values, document.lines) == (values, lines)


def test_a_key_that_is_there_twice_is_told_at_each_further_place_and_the_last_counts():
    document = Document("a: 1\nb: {c: 1, c: 2}\na: 3\na: 4\n")
    why = "written twice; YAML would ignore the first"
    twice = [Problem(at, None, why) for at in (("b", "c"), ("a",), ("a",))]
    assert (document.values, document.problems) == ({"a": 4, "b": {"c": 2}}, twice)
    assert document.lines[("a",)] == 4
    assert document.misread == set()


# What is too large, too deep or nothing to be seen.


def test_a_file_has_at_most_64_kib_of_bytes():
    assert MAX_BYTES == 65536
    assert Document("a: " + (MAX_BYTES - 3) * "x").values == {"a": (MAX_BYTES - 3) * "x"}
    for text in ("a: " + (MAX_BYTES - 2) * "x", "a: " + (MAX_BYTES // 2) * "é"):
        assert refused(text) == ("has more than 64 KiB", 0)


def test_a_file_has_at_most_20_levels():
    why = "is not YAML for parameters: more than 20 levels deep"
    for begin, end in (("[", "]"), ("{a: ", "}")):
        Document(begin * 20 + "1" + end * 20)
        assert refused("\n" + begin * 21 + "1" + end * 21) == (why, 2)


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x08", "\x0b", "\x0c", "\x0e", "\x1f", "\x7f", "\x9f", "\u200e", "\u200f", "\u2028", "\u202e", "\u2066",
     "\u2069", "\ufffe", "\uffff"],
)  # fmt: skip
def test_a_character_that_nobody_sees_is_told_with_its_line(character):
    why = f"is not YAML for parameters: it has the character {character!a}, which nobody sees; remove it"
    assert refused(f"a: 1\nb: 2\nc: x{character}y\n{character}") == (why, 3)
    assert refused(f"{character}a: 1\n") == (why, 1)
    assert refused(f"\n{character}") == (why, 2)


@pytest.mark.parametrize("character", ["\t", "é", "\xa0", "\u200d", "\u202f", "\u2065", "\u206a", "\ufffd", "😀"])
def test_any_other_character_may_stand_in_a_text(character):
    assert Document(f"a: 'x{character}y'\n").values == {"a": f"x{character}y"}


# What is no YAML.


@pytest.mark.parametrize(
    ("text", "why", "line"),
    [
        ("a: 1\nb: [1\nc: 2\n", "expected ',' or ']', but got ':'", 3),
        ("a: b: c\n", "mapping values are not allowed here", 1),
        ("a:\n\t- 1\n", "found character '\\t' that cannot start any token", 2),
        ("a: 'x\n", "found unexpected end of stream", 2),
        ("a: 1\n\n- 2\n", "expected <block end>, but found '-'", 3),
        ("%YAML 2.0\n---\na: 1\n", "found incompatible YAML document (version 1.* is required)", 1),
    ],
)
def test_what_is_no_yaml_is_told_in_one_line_with_its_number(text, why, line):
    assert refused(text) == (f"is not YAML: {why}", line)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (yaml.YAMLError("odd"), "odd"),
        (yaml.MarkedYAMLError(problem="found nothing"), "found nothing"),
        (ReaderError("x", 3, 1, "utf-8", "no"), 'unacceptable character #x0001: no\n  in "x", position 3'),
    ],
)
def test_an_error_without_a_line_is_told_without_one(monkeypatch, error, why):
    def parse(text):
        raise error

    monkeypatch.setattr(yaml, "parse", parse)
    assert refused("a: 1\n") == (f"is not YAML: {why}", 0)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("a: 1\nb: *x\n", 2, "the alias *x stands for another part; write the value itself"),
        ("a: 1\n*x : 2\n", 2, "the alias *x stands for another part; write the value itself"),
        ("- 1\n- *x\n", 2, "the alias *x stands for another part; write the value itself"),
        ("a: &x 1\n", 1, "the anchor &x is for aliases, which are not read; remove it"),
        ("a: 1\n&x b: 2\n", 2, "the anchor &x is for aliases, which are not read; remove it"),
        ("&x [1]\n", 1, "the anchor &x is for aliases, which are not read; remove it"),
        ("a: !!str 1\n", 1, "the tag tag:yaml.org,2002:str changes the type of a value; remove it"),
        ("a: !x {b: 1}\n", 1, "the tag !x changes the type of a value; remove it"),
        ("!!str a: 1\n", 1, "the tag tag:yaml.org,2002:str changes the type of a value; remove it"),
        ("a: !x &y 1\n", 1, "the anchor &y is for aliases, which are not read; remove it"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key is a text, not a list or a mapping"),
        ("a: 1\n? {b: 1}\n: 2\n", 2, "a key is a text, not a list or a mapping"),
    ],
)
def test_what_parameters_may_not_use_is_told_with_its_line(text, line, why):
    assert refused(text) == (f"is not YAML for parameters: {why}", line)


# What YAML reads as something else.


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("0x10", 'it as 16; write "0x10" in quotes, or 16'),
        ("Yes", 'it as true; write "Yes" in quotes, or true'),
        ("1.50", 'it as 1.5; write "1.50" in quotes'),
        ("00.5", 'it as 0.5; write "00.5" in quotes'),
        ("-.inf", 'it as -inf; write "-.inf" in quotes'),
        ("2024-02-30", 'it as a date; write "2024-02-30" in quotes'),
        ("2001-12-14t21:59:43.10-05:00", 'it as a date; write "2001-12-14t21:59:43.10-05:00" in quotes'),
        ("<<", 'it as its own merge; write "<<" in quotes'),
        ("=", 'it as its own value; write "=" in quotes'),
        ("0x_", 'it as a number; write "0x_" in quotes, or a number'),
        ("-0b_", 'it as a number; write "-0b_" in quotes, or a number'),
        ("0b" + 16 * "1", f'it as 65535; write "0b{16 * "1"}" in quotes, or 65535'),
        (18 * "1" + ".5", f'it as a number; write "{18 * "1"}.5" in quotes'),
        (16 * "1" + ".0", f'it as {16 * "1"}.0; write "{16 * "1"}.0" in quotes'),
    ],
)
def test_what_yaml_would_make_of_a_text_is_told(text, reading):
    assert misread(text) == f"YAML reads {reading}"


@pytest.mark.parametrize("text", ["1" * 19, "-" + "1" * 19, "0x" + "1" * 17, "1" * 18 + ":30"])
def test_a_whole_number_has_at_most_18_digits(text):
    assert misread(text) == f"has {len(text)} characters; no number here is that long"
    assert Document("a: " + 18 * "1").values == {"a": int(18 * "1")}
    assert Document(f"a: -{18 * '1'}").values == {"a": -int(18 * "1")}


@pytest.mark.parametrize("text", ['"2024-02-30"', "'yes'", '"0x10"', "|\n  007\n"])
def test_what_stands_in_quotes_is_the_text(text):
    document = Document(f"a: {text}")
    assert (document.problems, type(document.values["a"])) == ([], str)


@pytest.mark.parametrize("date", ["2027-01-31", "2024-02-30"])
def test_only_where_a_date_belongs_it_is_taken(date):
    """Also one that is none: the model tells it in its own words."""
    document = Document(f"expires: {date}\nits:\n  expires: {date}\n")
    assert (document.values, document.problems) == ({"expires": date, "its": {"expires": date}}, [])
    assert Document("expires: 2027\n").values == {"expires": 2027}
    why = f'YAML reads it as a date; write "{date}" in quotes'
    for text, at in ((f"expires: [{date}]", ("expires", 0)), (f"[{date}]", (0,)), (date, ())):
        assert Document(text).problems == [Problem(at, date, why)]


@pytest.mark.parametrize(
    ("key", "reading"),
    [
        ("yes", "true"), ("off", "false"), ("true", "true"), ("1", "1"), ("0x10", "16"), ("1.0", "1.0"),
        ("~", "nothing"), ("null", "nothing"), ("2024-01-02", "a date"), ("<<", "its own merge"), ("0x_", "a number"),
        ("1" * 19, "a number"), ("1" * 19 + ".5", "a number"),
    ],
)  # fmt: skip
def test_a_key_that_yaml_reads_as_something_else_is_told_and_kept_as_written(key, reading):
    document = Document(f"b:\n  {key}: x\n")
    assert document.values == {"b": {key: "x"}}
    assert document.misread == {("b", key)}
    why = f"as a key, YAML reads it as {reading}; write it in quotes"
    assert document.problems == [Problem(("b", key), None, why)]
    quoted = Document(f'b:\n  "{key}": x\n')
    assert (quoted.values, quoted.problems) == ({"b": {key: "x"}}, [])
