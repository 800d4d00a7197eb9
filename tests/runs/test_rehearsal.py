"""An environment is rehearsed with its own parameters, in a root of its own: nothing of it is the environment's."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import runbook_lib
from runbook_lib.aws import endpoints
from runbook_lib.cli import verbs
from runbook_lib.cli.main import main
from runbook_lib.errors import RunbookError
from runbook_lib.params import Params, load
from runbook_lib.runs import rehearsal, session
from runbook_lib.runs.rehearsal import given, prepare_rehearsal

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"
KEY = "arn:aws:kms:us-west-2:333344445555:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOT_REHEARSED = {"endpoint", "approval", "evidence"}


@pytest.fixture
def root(tmp_path):
    """A root with the parameters of all environments."""
    (tmp_path / "params").mkdir()
    for path in PARAMS.glob("*.yaml"):
        (tmp_path / "params" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def prepared(monkeypatch):
    """What the endpoint was asked to prepare."""
    calls = []
    monkeypatch.setattr(endpoints, "rehearse", lambda *asked: calls.append(asked))
    return calls


@pytest.mark.parametrize("env", ["dev", "staging", "prod"])
def test_the_parameters_are_the_same_but_what_belongs_to_people_and_keys(root, prepared, env):
    """Approval is for changes of the real environment, and its key must not sign a rehearsal."""
    real = load(root / "params" / f"{env}.yaml")
    own, params = prepare_rehearsal(root, real.model_copy(
        update={"evidence": real.evidence.model_copy(update={"kms_key": KEY})}))  # fmt: skip
    assert own == root / "rehearsals" / env
    assert params == load(own / "params" / f"{env}.yaml")
    assert (params.endpoint, params.approval.required, params.evidence.kms_key) == ("embedded", False, None)
    assert params.model_dump(exclude=NOT_REHEARSED) == real.model_dump(exclude=NOT_REHEARSED)
    assert (root / "params" / f"{env}.yaml").read_text() == (PARAMS / f"{env}.yaml").read_text()
    (asked,) = prepared
    assert asked[:3] == (env, "embedded", own)
    assert (asked[3].account, asked[3].region) == (real.account, real.region)


def test_what_runs_on_an_endpoint_anyway_is_not_rehearsed_elsewhere(root, prepared):
    local = load(root / "params" / "local.yaml")
    assert prepare_rehearsal(root, local) == (root, local)
    assert prepared == []


def test_the_endpoint_gets_what_the_environment_takes_as_given():
    raw = load(PARAMS / "prod.yaml").model_dump(mode="json")
    raw["compute"] |= {"image": "ami-0123456789abcdef0"}
    raw["app"] |= {
        "secrets": {"A": "prod/a", "B": "/prod/b"},
        "policies": {"managed": ["arn:aws:iam::333344445555:policy/jobs"]},
    }
    raw["permissions_boundary"] = "arn:aws:iam::333344445555:policy/limit"
    found = given(Params.model_validate(raw))
    assert found.hosted_zones == {"Z0123456789EXAMPLE": "www.example.com"}
    assert found.images == {"ami-0123456789abcdef0": "arm64"}
    assert (list(found.secrets), list(found.ssm_parameters)) == (["prod/a"], ["/prod/b"])
    assert {arn.rpartition("/")[2]: use for arn, use in found.policies.items()} == {
        "jobs": "attached", "limit": "boundary",
    }  # fmt: skip


class Stop(RunbookError):
    """Ends a command where the test has seen enough."""


@pytest.mark.parametrize("verb", ["plan", "apply", "verify", "destroy"])
def test_each_verb_rehearses_with_one_switch(root, prepared, monkeypatch, verb):
    """It says so first, and checks the endpoint of the rehearsal's root."""
    seen = []

    def check(params, place):
        seen.append((params.env, params.endpoint, place))
        raise Stop("enough", fix="nothing")

    monkeypatch.setenv("RUNBOOK_ROOT", str(root))
    monkeypatch.setattr(verbs, "check_endpoint", check)
    confirm = ["--confirm", "prod"] if verb == "destroy" else []
    result = CliRunner().invoke(main, [verb, "--env", "prod", "--rehearse", *confirm])
    assert "Stop: enough" in result.output
    assert seen == [("prod", "embedded", root / "rehearsals" / "prod")]


def test_a_notebook_rehearses_with_papermills_parameter_endpoint(root, prepared, monkeypatch):
    """`papermill … -r env prod -r endpoint embedded`: as the command does it."""
    seen = []

    def client(params, place, *_):
        seen.append((params.endpoint, place))
        raise Stop("enough", fix="nothing")

    monkeypatch.setenv("RUNBOOK_ROOT", str(root))
    monkeypatch.setattr(session, "injected_parameters", lambda: {"env": "prod", "endpoint": rehearsal.ENDPOINT})
    monkeypatch.setattr(session, "aws_client", client)
    with pytest.raises(Stop):
        session.Session("01_network", env="prod", mode="verify")
    assert seen == [("embedded", root / "rehearsals" / "prod")]
    assert not (root / "artifacts").exists()
