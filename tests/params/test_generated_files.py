"""Thousands of parameter files that nobody thought of: an operator's error or a right plan, and no traceback."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.engine.plan import Action, make_plan
from runbook_lib.errors import ParamsError
from runbook_lib.params import load
from runbook_lib.stacks.environment import stacks
from runbook_lib.stacks.stack import in_order
from tests.params.parameter_files import PARAMS

ENVS = ("local", "dev", "staging", "prod")
TEXTS = {env: (PARAMS / f"{env}.yaml").read_text(encoding="utf-8") for env in ENVS}

words = st.sampled_from(
    ["", " ", "none", "null", "~", "0", "010", "1:30", "yes", "off", "us-west-2", "us-west-2c", "10.20.0.0/16",
     "10.20.32.0/20", "0.0.0.0/0", "::/0", "arn:aws:acm:us-west-2:123456789012:certificate/x", "t4g.small", "m5.large",
     "db.t4g.micro", "8.4.6", "ssm", "per_zone", "newest", "elasticache", "single", "x" * 300, "a\nb", "é", "٣", "\x7f"]
)  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.integers(0, 400), st.floats(), words,
    st.text(max_size=12),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(raw, at=()):
    """Every place of a file: the path of each key and of each entry of a list."""
    pairs = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for name, value in pairs:
        yield (*at, name)
        yield from places(value, (*at, name))


@st.composite
def files(draw):
    """A shipped file with one to four places changed, removed or added to; sometimes with its text damaged as well."""
    env = draw(st.sampled_from(ENVS))
    raw = copy.deepcopy(yaml.safe_load(TEXTS[env]))
    for _ in range(draw(st.integers(1, 4))):
        *parents, last = draw(st.sampled_from(sorted(places(raw), key=str)))
        inner = raw
        for name in parents:
            inner = inner[name]
        match draw(st.sampled_from(["change", "remove", "add"])):
            case "change":
                inner[last] = draw(values)
            case "remove":
                inner.pop(last)
            case "add" if isinstance(inner, dict):
                inner[draw(words | st.text(max_size=8))] = draw(values)
        if not list(places(raw)):
            break
    text = yaml.safe_dump(raw, allow_unicode=draw(st.booleans()))
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(st.sampled_from("ab10:-_ \n[]{},&*!?|>'\"#%@\t\0"), max_size=6)) + text[at:]
    return env, text


def planned_or_refused(env, text):
    """The error's text, or empty for a file from which a right plan is made, of an account with nothing in it."""
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{env}.yaml")
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            params = load(path)
        except ParamsError as error:
            return str(error)
    nothing = dict.fromkeys(in_order([resource for stack in stacks(params) for resource in stack]))
    for stack in stacks(params):
        for change in make_plan(stack, nothing).changes:
            lookup = change.resource.external or change.resource.inherent
            assert change.action is Action.CREATE or lookup, f"{change.key}: {change.action}"
    return ""


def test_a_shipped_file_makes_a_plan():
    """So a plan of nothing but errors proves nothing."""
    assert [planned_or_refused(*each) for each in TEXTS.items()] == [""] * 4


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_a_sample_of_generated_files(each):
    planned_or_refused(*each)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_five_thousand_generated_files(each):
    planned_or_refused(*each)
