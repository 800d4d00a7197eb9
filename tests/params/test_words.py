"""What a wrong value should be is said in plain words, for every field and every kind of error."""

import re

import pytest
from pydantic import ValidationError

from runbook_lib.params import Params
from runbook_lib.params.words import PATTERNS, explain

LIBRARY_WORDS = re.compile(r"Input should|String should|should match|valid tuple|valid dictionary|instance of")


def fields_with_patterns(node, name=""):
    """The names of the fields of the model whose texts have a pattern."""
    if isinstance(node, dict):
        if "pattern" in node:
            yield name
        for key, value in node.items():
            nested = name if key in ("anyOf", "items", "patternProperties") or (name and key.startswith("^")) else key
            yield from fields_with_patterns(value, nested)
    elif isinstance(node, list):
        for value in node:
            yield from fields_with_patterns(value, name)


def test_every_field_with_a_pattern_says_what_to_write():
    """A pattern is no answer to somebody who has to correct a line."""
    named = set(fields_with_patterns(Params.model_json_schema()))
    assert len(named) > 15
    assert named - set(PATTERNS) == set()


@pytest.mark.parametrize("value", [5, "x y!", True, [], ["?"], {}, {"?": 1}, None, 1.5, -1, 10**9, ""], ids=repr)
@pytest.mark.parametrize("section", sorted(Params.model_fields))
def test_no_error_has_the_words_of_a_library(section, value):
    """Whatever stands in a section, or in each of its fields."""
    model = Params.model_fields[section].annotation
    inner = getattr(model, "model_fields", {})
    for given in (value, {name: value for name in inner}):
        try:
            Params.model_validate({section: given})
        except ValidationError as error:
            told = [explain(one) for one in error.errors() if one["type"] not in ("missing", "extra_forbidden")]
            assert [words for words in told if LIBRARY_WORDS.search(words)] == []
