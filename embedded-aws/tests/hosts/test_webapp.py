"""The application itself, from its real bundle, runs unchanged on a host."""

import json

import pytest

from hosts.host import HostUnderTest, user_data
from runbook_lib.stacks.application import bundle


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """The bundle that is deployed for real."""
    return bundle.build(request.config.rootpath / "webapp", tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def host(tmp_path, registry, request):
    """A host booted with the real user data, whose database is a file."""
    settings = {"WEBAPP_DATABASE_URL": f"sqlite:///{tmp_path}/shared.db", "WEBAPP_CONFIG": ""}
    host = HostUnderTest(tmp_path, registry, extra_environment=lambda: settings)
    host.managed.boot(user_data(request.config.rootpath))
    return host


@pytest.mark.needs("ps")
def test_the_real_bundle_runs(host, built, registry):
    """All hooks succeed, the page names the database's stand-in, and a second deployment replaces the first."""
    content = built.path.read_bytes()
    event, outcome = host.deploy(content, "d-FIRST", kind="zip")
    assert (event, outcome.code) == ("ValidateService", "Success"), f"{outcome.message}\n{outcome.log_tail}"
    assert host.answer("/healthz")[0] == 200
    assert json.loads(host.answer("/version")[1])["revision"] == built.revision
    assert "SQLite" in host.answer("/")[1]
    first = {process.pid for process in registry.running()}
    event, outcome = host.deploy(content, "d-SECOND")
    assert (event, outcome.code) == ("ValidateService", "Success"), f"{outcome.message}\n{outcome.log_tail}"
    assert first.isdisjoint(process.pid for process in registry.running())
    assert not host.managed.has_died()
    host.managed.kill()
    assert (host.answer()[0], registry.running()) == (0, [])
