"""A bundle is deployed to a host as to an instance: with its own hooks, in order, and AWS's errors."""

import time

import psutil
import pytest

from embedded_aws.faults import hooks
from embedded_aws.testing import eventually
from hosts.bundle import SAY, appspec, zipped
from hosts.host import EVENTS, HostUnderTest, user_data

ONE_SECOND = appspec(hooks={"AfterInstall": [{"location": "hooks/AfterInstall.sh", "timeout": 1}]})


@pytest.fixture
def host(tmp_path, registry, request):
    """A host that has just booted with the real user data."""
    host = HostUnderTest(tmp_path, registry)
    host.managed.boot(user_data(request.config.rootpath))
    return host


def test_the_placeholder_answers_until_the_first_deployment(host, registry):
    """Then it is ended, as the application needs its port."""
    assert eventually(lambda: "Waiting for the first deployment." in host.check()[1] and host.check())[0] == 200
    assert {host.answer(path)[0] for path in ("/healthz", "/", "/serve.py")} == {503}  # of anybody else
    assert host.check("/")[0] == 503
    assert not host.managed.has_died()
    event, outcome = host.deploy(zipped())
    assert (event, outcome.code) == ("ValidateService", "Success"), outcome
    assert host.answer("/version") == (200, "v1")
    assert host.answer("/healthz")[0] == 404
    assert all("serve.py" not in " ".join(process.cmdline()) for process in registry.running())
    assert not host.managed.has_died()


def test_the_placeholder_is_unhealthy_without_an_agent(tmp_path, registry, request, monkeypatch):
    """The load balancer never calls a server healthy that no deployment can reach."""
    monkeypatch.setattr(hooks, "_installed", [lambda event, instance, zone: 1 if event == "InstallAgent" else None])
    host = HostUnderTest(tmp_path, registry)
    host.managed.boot(user_data(request.config.rootpath))
    assert eventually(lambda: host.check()[0]) == 503
    assert not host.managed.has_agent
    assert "agent was not installed" in host.host.log.read_text()
    host.host.agent_missing.unlink()
    assert host.check()[0] == 200


def test_user_data_is_on_the_disk(host):
    """Its files exist, with the instance's data filled in."""
    settings = (host.host.root / "etc" / "webapp" / "instance.env").read_text()
    assert "INSTANCE_ID=i-0123456789abcdef0" in settings
    assert "ZONE=us-west-2b" in settings
    assert "not executed: /usr/local/sbin/install-codedeploy-agent" in host.host.log.read_text()


def test_scripts_know_their_deployment(host):
    """They get the environment variables that AWS documents, and their output is in the log."""
    told = 'echo "$LIFECYCLE_EVENT $DEPLOYMENT_ID $APPLICATION_NAME $DEPLOYMENT_GROUP_NAME $DEPLOYMENT_GROUP_ID"\n'
    s3 = {"bucket": "artifacts", "key": "a.zip", "eTag": "e1", "bundleType": "zip"}
    bundle = 'echo "${BUNDLE_BUCKET-} ${BUNDLE_KEY-} ${BUNDLE_VERSION-none} ${BUNDLE_ETAG-}"\n'
    script = f"#!/bin/sh\n{told}{bundle}echo trouble >&2\nprintf unfinished\n"
    assert host.deploy(zipped(AfterInstall=script), place=s3)[1].log_tail == ""
    assert "[stdout]artifacts a.zip none e1\n" in host.log()
    assert "[stdout]AfterInstall d-AAAAAAAAA app web group-1\n" in host.log()
    assert "[stderr]trouble\n" in host.log()
    assert "[stdout]unfinished\n" in host.log()


def test_hooks_get_nothing_of_the_operator(host, monkeypatch):
    """Neither credentials nor settings of the operator reach a bundle."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("SECRET", "mine")
    host.deploy(zipped(AfterInstall="#!/bin/sh\nenv\n"))
    assert "AWS_ACCESS_KEY_ID" not in host.log()
    assert "AWS_EC2_METADATA_DISABLED=true" in host.log()
    assert "production" not in host.log()
    assert "mine" not in host.log()


def test_a_failing_script_fails_the_event_with_its_last_output(host):
    """ScriptFailed, with the script's name, its exit code and the end of the log."""
    script = "#!/bin/sh\necho early\nseq 2000\necho the database is away >&2\nexit 3\n"
    event, outcome = host.deploy(zipped(ValidateService=script))
    assert (event, outcome.code, outcome.script) == ("ValidateService", "ScriptFailed", "hooks/ValidateService.sh")
    assert outcome.message == "Script at specified location: hooks/ValidateService.sh failed with exit code 3"
    assert outcome.log_tail.endswith("[stderr]the database is away")
    assert len(outcome.log_tail) <= 2048
    assert "early" not in outcome.log_tail


def test_a_script_that_takes_too_long_is_ended_with_its_children(host, registry):
    """ScriptTimedOut after the timeout in the AppSpec file."""
    before, began = len(registry.running()), time.monotonic()
    event, outcome = host.deploy(zipped(spec=ONE_SECOND, AfterInstall="#!/bin/sh\necho begun\nsleep 600 & sleep 600\n"))
    assert (event, outcome.code) == ("AfterInstall", "ScriptTimedOut")
    assert outcome.message.endswith("failed to complete in 1 seconds")
    assert "[stdout]begun" in outcome.log_tail
    assert time.monotonic() - began < 60, "its children would have slept for ten minutes"
    assert len(registry.running()) == before


@pytest.mark.parametrize(("closed", "told"), [("", "STDOUT"), ("os.close(1)", "STDERR")])
def test_a_daemon_that_holds_the_scripts_output_fails_the_event(host, closed, told):
    """The daemon keeps running, as on an instance."""
    script = f"import os, time\nif os.fork() == 0:\n    os.setsid(); {closed or 0}; time.sleep(600)"
    _, outcome = host.deploy(zipped(spec=ONE_SECOND, AfterInstall=f"#!/bin/sh\npython3 -c '{script}'\n"))
    assert outcome.code == "UnknownError"
    assert outcome.message == f"Script at specified location: hooks/AfterInstall.sh failed to close {told}"
    assert any("time.sleep(600)" in " ".join(process.cmdline()) for process in host.running())


def test_a_missing_script_fails_the_event(host):
    """ScriptMissing, when the bundle lacks a file that the AppSpec file names."""
    event, outcome = host.deploy(zipped(AfterInstall=None))
    assert (event, outcome.code, outcome.script) == ("AfterInstall", "ScriptMissing", "hooks/AfterInstall.sh")
    script = host.host.folder / "deployments/d-AAAAAAAAA/deployment-archive/hooks/AfterInstall.sh"
    assert outcome.message == f"Script does not exist at specified location: {script}"


def test_a_script_is_made_executable(host):
    """As by the agent."""
    assert host.deploy(zipped(modes={"AfterInstall": 0o644}))[1].succeeded
    assert "[stdout]AfterInstall of d-AAAAAAAAA" in host.log()


def test_a_script_without_an_interpreter_fails(host):
    """For example one with Windows line ends."""
    _, outcome = host.deploy(zipped(AfterInstall="#!/no/such/shell\n"))
    assert (outcome.code, outcome.script) == ("ScriptFailed", "hooks/AfterInstall.sh")
    assert "failed with error Errno::ENOENT with message No such file or directory - /" in outcome.message


def test_a_script_without_an_interpreter_line_is_run_by_the_shell(host):
    """As on an instance."""
    assert host.deploy(zipped(AfterInstall='echo "of the shell: $0"\n'))[1].succeeded
    assert "[stdout]of the shell: /" in host.log()


def test_a_script_that_a_signal_ends_has_no_exit_code(host):
    """As in the agent's message, there is nothing after "code"."""
    _, outcome = host.deploy(zipped(AfterInstall="#!/bin/sh\nkill -KILL $$\n"))
    assert outcome.message == "Script at specified location: hooks/AfterInstall.sh failed with exit code "


def test_the_previous_revision_is_stopped_by_its_own_script(host):
    """ApplicationStop comes from the installed bundle; its output is in the new deployment's log."""
    host.deploy(zipped("v1"), "d-FIRST")
    event, outcome = host.deploy(zipped("v2"), "d-SECOND")
    assert outcome.succeeded, (event, outcome)
    assert host.answer("/version") == (200, "v2")
    assert "[stdout]stopping from v1" in host.log("d-SECOND")
    assert "stopping" not in host.log("d-FIRST")


def test_a_bundle_that_was_never_installed_stops_nothing(host):
    """After a failed BeforeInstall, the next deployment runs ApplicationStop of the installed bundle."""
    host.deploy(zipped("v1"), "d-FIRST")
    assert host.deploy(zipped("v2", BeforeInstall="#!/bin/sh\nexit 1\n"), "d-SECOND")[0] == "BeforeInstall"
    host.deploy(zipped("v3"), "d-THIRD")
    assert all("[stdout]stopping from v1" in host.log(deployment) for deployment in ("d-SECOND", "d-THIRD"))
    assert host.answer("/version") == (200, "v3")


@pytest.mark.parametrize(
    ("content", "event", "told"),
    [
        (b"no zip", "DownloadBundle", "could not be unpacked"),
        (zipped(spec="version: 1.0"), "BeforeInstall", "invalid version value"),
        (zipped(spec=appspec(hooks={"AfterInstal": []})), "Install", 'unknown lifecycle events: ["AfterInstal"]'),
    ],
)
def test_an_invalid_bundle_fails_the_event_that_reads_it(host, content, event, told):
    """UnknownError, with the agent's message."""
    failed, outcome = host.deploy(content)
    assert (failed, outcome.code) == (event, "UnknownError")
    assert told in outcome.message


def test_a_host_boots_again_with_what_is_installed(host, registry, tmp_path, request):
    """After a restart of the server the application runs on the same port, without a new deployment."""
    host.deploy(zipped())
    host.managed.end(forget=False)
    assert registry.running() == []
    again = HostUnderTest(tmp_path, registry)
    again.managed.boot(user_data(request.config.rootpath))
    assert again.host.port == host.host.port
    assert eventually(lambda: again.answer("/version")[0]) == 200
    assert not again.managed.has_died()


def test_a_host_whose_processes_are_killed_has_died(host, registry):
    host.deploy(zipped())
    for process in registry.running():
        process.kill()
    eventually(host.managed.has_died)


def test_a_killed_host_takes_no_deployment(host, registry):
    """The outcome is that of an agent that does not answer."""
    host.managed.kill()
    assert host.managed.has_died()
    assert registry.running() == []
    assert "not able to receive the lifecycle event" in host.perform("ApplicationStop").message


def test_the_local_authority_is_added_to_the_trust_store_once(tmp_path, registry):
    """The bundle's own roots stay, also after a second deployment."""
    spec = appspec(files=[{"source": "/", "destination": "/opt/runbook/certs"}], file_exists_behavior="OVERWRITE")
    host = HostUnderTest(tmp_path, registry, ca_pem=lambda: "OURS\n")
    host.managed.boot("")
    store = host.host.root / "opt/runbook/certs/rds-roots.pem"
    bundle = zipped(spec=spec, ApplicationStart=SAY, more={"rds-roots.pem": "AMAZON\n"})
    for deployment in ("d-FIRST", "d-SECOND"):
        host.deploy(bundle, deployment)
        assert store.read_text() == "AMAZON\nOURS\n"


def test_old_bundles_are_deleted(host):
    """All but the last few and the installed one."""
    host.deploy(zipped(), "d-INSTALLED")
    for number in range(8):
        host.perform("ApplicationStop", deployment=f"d-{number}")  # it has a log, and thus a folder
        host.perform("DownloadBundle", zipped(), f"d-{number}")
    kept = sorted(path.name for path in (host.host.folder / "deployments").iterdir() if path.is_dir())
    assert kept == [*(f"d-{number}" for number in range(3, 8)), "d-INSTALLED"]


def test_hosts_listen_on_loopback_only(host, registry):
    """The placeholder as well as the application."""
    eventually(lambda: host.answer()[0])
    for process in registry.running():
        assert {one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN} <= {"127.0.0.1"}


def test_an_event_fails_once_on_request(host, monkeypatch):
    """ScriptFailed: nothing of the event is run, and the log names the fault; the next time it succeeds."""
    asked = []

    def once(event, instance_id, zone):
        asked.append((event, instance_id, zone))
        return 7 if event == "ValidateService" and len(asked) <= len(EVENTS) else None

    monkeypatch.setattr(hooks, "_installed", [once])
    event, outcome = host.deploy(zipped())
    assert (event, outcome.code) == ("ValidateService", "ScriptFailed")
    assert "for a game day: fault 7" in outcome.message
    assert outcome.log_tail.endswith(f"[stderr]{outcome.message}")
    assert "[stdout]ValidateService" not in host.log()
    assert asked[-1] == ("ValidateService", host.host.instance_id, "us-west-2b")
    assert host.deploy(zipped(), "d-BBBBBBBBB")[1].succeeded
