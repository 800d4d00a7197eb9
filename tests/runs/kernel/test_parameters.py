"""A notebook uses the parameters that papermill injects; an unknown parameter is an error."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.cli import _resolve_type
from papermill.translators import PythonTranslator

import runbook_lib
from runbook_lib.errors import ParamsError
from runbook_lib.params import Params, load
from runbook_lib.runs.kernel.parameters import (
    GIVEN,
    NOTEBOOK_PARAMETERS,
    encode_given,
    injected_parameters,
    parse_assignments,
    require_given,
    require_texts,
    split_parameters,
)

LOCAL = Path(runbook_lib.__file__).parents[1] / "params" / "local.yaml"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*NOTEBOOK_PARAMETERS, *Params.model_fields])


def cell(**given):
    """The cell that papermill injects after the parameters."""
    return PythonTranslator.codify(given, "Parameters")


PLAIN = 'env = "local"\nmode = "plan"  # plan | apply\napproved = confirm = ""'
USED = dict.fromkeys(NOTEBOOK_PARAMETERS, "") | {"env": "local", "mode": "plan"}


@pytest.fixture
def ran(monkeypatch):
    """Makes the code believe that it is in a kernel that ran these cells."""

    def set_up(*cells):
        monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(user_ns={"In": ["", *cells]}))

    return set_up


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_every_value_of_a_yaml_file_arrives_as_it_was(given):
    """With ``-p`` and ``-f``: texts with quotes and line ends, lists, mappings, null."""
    assert parse_assignments(cell(**given)) == given


def test_papermills_cell_is_found_among_the_others(ran):
    ran('env = "local"', cell(mode="apply", change="CHG1"), "book.plan(net)")
    assert injected_parameters() == {"mode": "apply", "change": "CHG1"}


def test_the_later_cell_counts_when_there_are_two(ran):
    """An executed notebook is executed again with other parameters."""
    ran(cell(mode="plan", change="CHG1"), cell(mode="apply"))
    assert injected_parameters() == {"mode": "apply", "change": "CHG1"}


def test_an_interactive_notebook_has_none(ran):
    ran('env = "local"', "1 + 1")
    assert injected_parameters() == {}


def test_a_similar_cell_of_the_operator_is_not_papermills(ran):
    """A comment that begins like papermill's is ignored."""
    ran(cell(mode="plan"), "# Parameters of the database, as I found them\nfound = look_up()\nmod = 'x'")
    assert injected_parameters() == {"mode": "plan"}


def test_outside_of_a_notebook_there_is_none(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert injected_parameters() == {}


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_text_that_became_infinity_or_nan_is_rejected(value):
    """``-p change 1e999`` becomes infinity: the error names the parameter and what to do."""
    with pytest.raises(ParamsError, match=r"change is float\('.*'\)[\s\S]*-r change"):
        parse_assignments(cell(change=value))


def test_the_environments_parameters_are_separated_from_the_notebooks():
    given = {"mode": "plan", "confirm": "", "network": {"nat": "single"}, "env": "local"}
    assert split_parameters(given, Params.model_fields) == {"network": {"nat": "single"}, "env": "local"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [("mod", "mode"), ("Env", "env"), ("aproved", "approved"), ("netwrk", "network"), ("end_point", "endpoint")],
)
def test_a_typo_is_an_error_that_suggests_the_right_name(name, meant):
    """A parameter that is silently ignored would be a change that does not happen."""
    with pytest.raises(ParamsError, match=f"{name}: there is no such parameter; did you mean {meant}"):
        split_parameters({name: 1}, Params.model_fields)


def test_all_typos_are_reported_at_once_with_a_suggestion_or_all_names():
    with pytest.raises(ParamsError) as raised:
        split_parameters({"mod": "plan", "zzz": 1, "env": "local"}, ["network", "env"])
    assert raised.value.what.splitlines() == [
        "mod: there is no such parameter; did you mean mode.",
        "zzz: there is no such parameter; there are approved, asked_by, change, confirm, env, mode, network,"
        " skip_preflight.",
    ]
    assert "Remove or correct it" in raised.value.fix


TRAPS = {
    "account": "012345678901", "region": "True", "env": "007", "mode": "None", "approved": "1234567890123456",
    "confirm": "1e5", "change": "0012345", "asked_by": "007", "skip_preflight": "1.0",
}  # fmt: skip


def use(given):
    """Use parameters as a notebook does."""
    require_texts(**{field: given.get(field, "local") for field in NOTEBOOK_PARAMETERS})
    return load(LOCAL, split_parameters(given, Params.model_fields))


@pytest.mark.parametrize("name", TRAPS)
def test_a_text_that_papermill_converted_is_rejected_by_name(name):
    """``papermill -p account 012345678901`` arrives as a number without its zero."""
    given = parse_assignments(cell(**{name: _resolve_type(TRAPS[name])}))
    assert given[name] != TRAPS[name]
    with pytest.raises(ParamsError, match=rf"\b{name}\b"):
        use(given)


@pytest.mark.parametrize("name", ["change", "asked_by", "skip_preflight"])
@pytest.mark.parametrize("text", ["CHG1\nrun by  eve", "CHG1\x1b[2K", "CHG1\r", "\u202e1GHC"])
def test_a_text_for_the_evidence_is_one_printable_line(name, text):
    """Otherwise it could look like another line of the evidence."""
    with pytest.raises(ParamsError, match=f"{name} is .*line breaks or control characters") as raised:
        use({name: text})
    assert raised.value.what.isascii()
    require_texts(approved="0123456789abcdef\nfedcba9876543210\n", **{name: "CHG1, Änderung für 東京"})


def test_a_raw_text_is_passed_unchanged():
    """As ``papermill -r`` does."""
    given = parse_assignments(cell(**TRAPS))
    assert given == TRAPS
    require_texts(**{name: given[name] for name in NOTEBOOK_PARAMETERS})


def test_a_run_that_does_not_get_what_papermill_was_given_is_refused(ran):
    """Without the tag, papermill puts its cell first, and the defaults replace what was given."""
    ran(cell(mode="apply", change="CHG1"), PLAIN, "book = Runbook(…)")
    with pytest.raises(ParamsError, match=r"mode was given as 'apply'[\s\S]*tag `parameters`"):
        require_given(USED, opened=4)
    require_given(USED | {"mode": "apply", "change": "CHG1"}, opened=4)


def test_the_engine_says_what_was_given_before_any_cell_shows_it(ran, monkeypatch):
    """The tag is on a cell below the one that opens the run."""
    monkeypatch.setenv(GIVEN, encode_given({"mode": "apply", "network": {"nat": "single"}, "env": "local"}))
    ran(PLAIN, "book = Runbook(…)")
    with pytest.raises(ParamsError, match=r"mode was given[\s\S]*network was given, and this run did not receive it"):
        require_given(USED, opened=3)
    ran(PLAIN, cell(mode="apply", network={"nat": "single"}, env="local"), "book = Runbook(…)")
    require_given(USED | {"mode": "apply"}, opened=4)


def test_by_hand_a_parameters_cell_counts_for_the_run_that_is_opened_after_it(ran):
    """Edited and run again below an open run, it would be ignored; other cells assign what they like."""
    ran(PLAIN, "book = Runbook(…)", "found = look_up()\nmode = found", PLAIN.replace("plan", "apply", 1))
    with pytest.raises(ParamsError, match=r"mode was given as 'apply'[\s\S]*Run the cell that opens the run"):
        require_given(USED, opened=3)
    ran(PLAIN.replace("plan", "apply", 1), PLAIN, "book = Runbook(…)", "for mode in 'abc': pass", PLAIN)
    require_given(USED, opened=4)


def test_the_advice_fits_how_a_value_was_given(ran):
    """By hand nobody has used papermill's options."""
    ran(cell(change=12345), "book = Runbook(…)")
    with pytest.raises(ParamsError, match=r"change must be a text, and is 12345, a number[\s\S]*use -r change"):
        require_texts(change=12345)
    ran("env = None", "book = Runbook(…)")
    with pytest.raises(ParamsError) as raised:
        require_texts(env=None)
    assert raised.value.fix == 'Write it in quotes: env = "…".'


def test_an_environment_outside_of_params_is_answered_with_those_in_it():
    with pytest.raises(ParamsError, match=r"There is no environment[\s\S]*Use one of: dev, local, prod, staging"):
        load(LOCAL.parent / "../secret.yaml")
