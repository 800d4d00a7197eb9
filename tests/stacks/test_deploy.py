"""What the deploy stack wants, from parameters and a bundle."""

from pathlib import Path

import pytest

from runbook_lib.resources.base import referenced_resources
from runbook_lib.stacks.application.bundle import Bundle
from runbook_lib.stacks.deploy import deploy
from runbook_lib.stacks.environment import stacks
from runbook_lib.stacks.orphans import known_orphans
from tests.stacks.test_network import PARAMS, load
from tests.support.stack_runs import with_sessions

BUNDLE = Bundle(path=Path("bundle.zip"), sha256="ab" * 32, size=1, revision="cd" * 32)
GITHUB = {"repository": "example/web", "commit": "0123456789abcdef0123456789abcdef01234567"}


def params(env="local", **changed):
    """The environment's own, but for fields of its deploy section."""
    found = load(PARAMS / f"{env}.yaml")
    raw = found.model_dump(mode="json")
    raw["deploy"] |= changed
    return type(found).model_validate(raw)


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_it_stands_on_the_earlier_layers_and_on_itself(env):
    """But for the password's secret, which RDS makes along with the database."""
    wanted = params(env)
    known = {r.key for stack in stacks(wanted) for r in stack} | {r.key for r in deploy(wanted, BUNDLE)}
    needed = {need.key for r in deploy(wanted, BUNDLE) for need in referenced_resources(r.dependencies)}
    assert needed - known == {"master_user_secret.database"}


def test_a_bundle_is_stored_and_released_under_its_digest():
    app = deploy(params(), BUNDLE)
    assert app["stored_bundle.web"].sha256 == BUNDLE.sha256
    assert app["release.web"].desired({})["revision"] == f"sha256 {BUNDLE.sha256}"


def test_from_github_there_is_nothing_to_store():
    """CodeDeploy fetches the commit itself, named in full."""
    app = deploy(params(source="github", github=GITHUB))
    assert list(app.bundle) == []
    assert app["release.web"].desired({})["revision"] == "example/web@0123456789abcdef0123456789abcdef01234567"


def test_without_a_bundle_nothing_is_released():
    """As in a destroy, which needs to build none."""
    app = deploy(params())
    assert (list(app.bundle), list(app.release)) == ([], [])


def test_what_the_application_is_told_holds_no_secret():
    """Names of secrets only; and the servers get to read exactly those, and the database's."""
    app = deploy(params(), BUNDLE)
    told = app["configuration_parameter.web/config"]
    assert {told.app_secret.key, told.session_secret.key} == {"random_secret.web/database", "random_secret.web/session"}
    reads = app["master_secret_access.web-master-secret"]
    assert reads.on == (("{}", told.master_secret),)
    assert reads.actions == ("secretsmanager:GetSecretValue",)


def test_the_application_is_told_of_a_cache_where_there_is_one():
    """Once the cache is available; and everything that it stands on is part of the earlier layers."""
    told = {
        store: deploy(wanted, BUNDLE)["configuration_parameter.web/config"]
        for store, wanted in {"cookie": params(), "elasticache": with_sessions()}.items()
    }
    assert told["cookie"].cache is None
    assert told["elasticache"].cache.key == "cache_replication_group.sessions"
    assert told["elasticache"].cache in told["elasticache"].ready_dependencies
    assert told["elasticache"].cache in {r for stack in stacks(with_sessions()) for r in stack}


def test_a_domain_is_the_sites_name():
    assert deploy(params("prod"), BUNDLE)["configuration_parameter.web/config"].domain == "www.example.com"


def test_a_named_revision_is_deployed_in_place_of_the_bundle_or_commit():
    """As a rollback does: a stored bundle, which is not uploaded, or a commit."""
    app = deploy(params(revision="12" * 32), BUNDLE)
    stored, release = app["stored_bundle.web"], app["release.web"]
    assert (stored.sha256, stored.path, release.bundle, release.goes_back) == ("12" * 32, None, stored, True)
    app = deploy(params(source="github", github=GITHUB, revision=f"example/web@{'ab' * 20}"))
    assert (app["release.web"].commit, app["release.web"].bundle) == (f"example/web@{'ab' * 20}", None)
    assert not deploy(params(), BUNDLE)["release.web"].goes_back


def test_what_a_rollback_needs_leaves_with_its_parameter():
    """The function with all that belongs to it; a stored revision stays in the bucket."""
    off, on = params(), params(rollback_function=True)
    gone = known_orphans(off, [on])["deploy"]
    assert {resource.key for resource in gone} == {resource.key for resource in deploy(on).rollback}
    assert [resource.key for resource in gone][-2:] == ["lambda_function.rollback", "event_rule.rollback"]
    assert known_orphans(off, [params(revision="12" * 32)]) == {}


def test_alarms_of_the_parameters_stop_a_deployment():
    group = deploy(params(rollback_alarms=["a", "b"]), BUNDLE)["deployment_group.web"]
    assert group.desired({})["rollback"] == "when a deployment fails or one of these alarms stops it: a, b"
    with pytest.raises(ValueError, match="lists a twice"):
        params(rollback_alarms=["a", "a"])
