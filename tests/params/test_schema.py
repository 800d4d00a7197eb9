"""The schema that editors complete from, and the four files that are shipped."""

import json
import re
from typing import get_args

import pytest
import yaml

from runbook_lib.params import Params, load, schema
from runbook_lib.params.file import _is_model
from runbook_lib.params.scaling import Scaling, Schedule
from runbook_lib.stacks.environment import stacks
from tests.params.parameter_files import PARAMS

ENVS = ["local", "dev", "staging", "prod"]

# Written only where they are meant: the embedded AWS is for rehearsal alone, a certificate comes from one of
# three places, a commit is named only where CodeDeploy fetches it from GitHub, a repository only where its
# workflows deploy, people with their keys where there are some, a lock where the evidence is stored, a permissions
# boundary where the account has one, settings, secrets and permissions where an application has some, and exceptions
# for controls in a list, and what is adopted once.
ALTERNATIVES = {
    "adopt",
    "endpoint", "deploy.github.repository", "deploy.github.commit", "compute.certificate.arn",
    "compute.certificate.domain", "compute.certificate.hosted_zone", "compute.certificate.self_signed",
    "github.repository", "github.environments", "approval.signers", "evidence.trusted_keys",
    "evidence.object_lock.mode", "evidence.object_lock.days", "permissions_boundary", "app.environment", "app.secrets",
    "app.policies.statements.actions", "app.policies.statements.resources", "compute.health_check.former_path",
    "controls.exceptions.control", "controls.exceptions.resources", "controls.exceptions.reason",
    "controls.exceptions.expires",
    *(f"compute.scaling.{name}" for name in Scaling.model_fields),
    *(f"compute.schedules.{name}" for name in Schedule.model_fields),
}  # fmt: skip

LISTS = {"app.policies.statements", "compute.schedules", "compute.scaling", "controls.exceptions"}
"""Lists of sections, whose fields are those of each entry."""


def fields_of(model, at=()):
    """Every field that a person can set, dotted; what there may be many of counts with each of its own fields."""
    for name, field in model.model_fields.items():
        nested = [a for a in (field.annotation, *get_args(field.annotation)) if _is_model(a)]
        for inner in nested:
            yield from fields_of(inner, (*at, name))
        if not nested:
            yield ".".join((*at, name))


def fields_in(raw, at=()):
    """Every field that a file sets, dotted; without the names of zones."""
    for name, value in raw.items():
        if isinstance(value, dict):
            yield from fields_in(value, (*at, name))
        else:
            yield re.sub(r"^network\.zones\.[^.]+\.", "network.zones.", ".".join((*at, name)))


def test_the_schema_is_that_of_the_model():
    """An editor must not complete yesterday's fields; ``python -m runbook_lib.params.schema`` writes it anew."""
    assert (PARAMS / "schema.json").read_text(encoding="utf-8") == schema.json_schema()


def test_the_schema_explains_and_forbids():
    found = json.loads(schema.json_schema())
    assert set(found["required"]) == {"env", "account", "region", "network", "compute"}
    assert found["additionalProperties"] is False
    assert found["$defs"]["Network"]["properties"]["vpc_cidr"]["type"] == "string"
    open_ended = [name for name, section in found["$defs"].items() if section["additionalProperties"] is not False]
    assert open_ended == ["Tags"]  # a person names tags


@pytest.mark.parametrize("env", ENVS)
def test_what_a_shipped_file_only_suggests_is_right(env):
    """The line that lets workflows deploy works as it stands, once it is no comment any more."""
    text = (PARAMS / f"{env}.yaml").read_text(encoding="utf-8")
    raw = yaml.safe_load(text.replace("# github: {", "github: {"))
    assert Params.model_validate(raw).github
    assert load(PARAMS / f"{env}.yaml").github is None


def test_the_shipped_environments_are_these():
    assert {path.stem for path in PARAMS.glob("*.yaml")} == set(ENVS)


@pytest.mark.parametrize("env", ENVS)
def test_a_shipped_file_describes_a_whole_environment(env):
    found = load(PARAMS / f"{env}.yaml")
    assert found.env == env
    assert [stack.name for stack in stacks(found)] == ["network", "data", "compute", "deploy"]


@pytest.mark.parametrize("env", ENVS)
def test_a_shipped_file_is_complete(env):
    """Whoever reads the file sees every choice there is; nothing is decided elsewhere."""
    raw = yaml.safe_load((PARAMS / f"{env}.yaml").read_text(encoding="utf-8"))
    assert set(fields_of(Params)) - set(fields_in(raw)) - ALTERNATIVES == set()
    assert set(fields_in(raw)) - LISTS <= set(fields_of(Params))


def test_alternatives_are_fields_of_the_model():
    assert set(fields_of(Params)) >= ALTERNATIVES


@pytest.mark.parametrize("env", ENVS)
def test_a_shipped_file_is_completed_by_editors(env):
    first = (PARAMS / f"{env}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"


def test_only_the_rehearsal_goes_to_the_embedded_aws():
    assert {env: load(PARAMS / f"{env}.yaml").endpoint for env in ENVS} == {
        "local": "embedded", "dev": None, "staging": None, "prod": None,
    }  # fmt: skip


def test_environments_share_no_addresses_and_no_account():
    """So that two may be joined one day, and no plan of one fits another."""
    found = [load(PARAMS / f"{env}.yaml") for env in ENVS]
    nets = [params.network.vpc_cidr for params in found]
    assert not any(one.overlaps(two) for n, one in enumerate(nets) for two in nets[n + 1 :])
    assert len({params.account for params in found}) == len(ENVS)


@pytest.mark.parametrize("env", ["staging", "prod"])
def test_what_carries_data_is_reviewed_and_guarded(env):
    found = load(PARAMS / f"{env}.yaml")
    assert found.approval.required
    assert set(found.guards.model_dump().values()) == {True}
    assert found.data.multi_az
    assert found.network.nat == "per_zone"


def test_every_model_is_strict():
    """A section that took unknown keys would swallow misspelt ones."""

    def models(model):
        yield model
        for field in model.model_fields.values():
            for inner in (field.annotation, *get_args(field.annotation)):
                if _is_model(inner):
                    yield from models(inner)

    assert {m.model_config["frozen"] for m in models(Params)} == {True}
    assert {m.__name__ for m in models(Params) if m.model_config["extra"] != "forbid"} == {"Tags"}
