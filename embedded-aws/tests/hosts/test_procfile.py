"""An application with a Procfile runs on a host by the runbook's own hooks and units."""

import hashlib
import io
import json
import re
import signal
import time
import zipfile
from pathlib import Path

import boto3
import psutil
import pymysql
import pytest
from moto.server import ThreadedMotoServer

from embedded_aws.settings import REGION
from embedded_aws.testing import eventually
from hosts.host import HostUnderTest, user_data
from runbook_lib.stacks.application import bundle, server
from tests.support.sample import SAMPLE

SERVER = Path(server.__path__[0])
#: A web server that tells its environment, answers the health check, and stops when it is asked to.
APP = """import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ, pid=os.getpid(), version=open("version").read())).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): print("asked for", self.path, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
WEB = "web: python3 app.py\n"


def packed(procfile=WEB, version="v1", app=APP, patience=90, **files):
    """A bundle as the runbook packs it, without a lock."""
    content = {"Procfile": procfile, "version": version, "app.py": app, "REVISION": f"{version}\n", **files}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        for name, text in content.items():
            bundle.writestr(name, text)
        for path in SERVER.rglob("*"):
            name = path.relative_to(SERVER).as_posix()
            if path.is_file() and "__pycache__" not in name and name not in content:
                entry = zipfile.ZipInfo("appspec.yml" if name == "appspec.yml" else f".runbook/{name}")
                entry.external_attr = (0o100755 if path.suffix in ("", ".sh") else 0o100644) << 16
                # Whoever never answers is not waited for here as long as on a server.
                bundle.writestr(
                    entry, path.read_bytes().replace(b"wait_for 90 decided", b"wait_for %d decided" % patience)
                )
        for path in Path(pymysql.__file__).parent.rglob("*.py"):
            bundle.writestr(
                f".runbook/lib/pymysql/{path.relative_to(Path(pymysql.__file__).parent)}", path.read_bytes()
            )
    return archive.getvalue()


@pytest.fixture(scope="module")
def endpoint():
    """Systems Manager, Secrets Manager and S3, with the configuration of one environment."""
    aws = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    aws.start()
    endpoint = "http://{}:{}".format(*aws.get_host_and_port())
    for name, value in {"session": {"key": "k" * 40}, "own": {"username": "u", "password": "p@ss/w"}}.items():
        connect(endpoint, "secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))
    here = {"LocationConstraint": REGION}
    connect(endpoint, "s3").create_bucket(Bucket="environment", CreateBucketConfiguration=here)
    yield endpoint
    aws.stop()


def connect(endpoint, service):
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, REGION, endpoint_url=endpoint, **keys)


@pytest.fixture
def client(endpoint):
    """Clients of that AWS."""
    return lambda service: connect(endpoint, service)


@pytest.fixture
def configure(client):
    """Writes the configuration, as 04_deploy does."""

    def write(**more):
        database = {
            "host": "db.test",
            "port": 3306,
            "name": "web",
            "user": "u",
            "app_secret": "own",
            "master_secret": "master",
        }
        value = {"database": database, "session_secret": "session", "public_url": "https://a.test", **more}
        text = json.dumps({"bucket": "environment", **value})
        client("ssm").put_parameter(Name="/local/web/config", Type="String", Value=text, Overwrite=True)

    return write


@pytest.fixture
def host(tmp_path, registry, request, endpoint, configure):
    """A host that has booted as a server of `local`; its database is a stand-in."""
    configure()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    more = {"DATABASE_URL": f"sqlite:///{tmp_path}/shared.db", **keys}
    host = HostUnderTest(tmp_path, registry, extra_environment=lambda: more, endpoint=endpoint)
    host.managed.boot(user_data(request.config.rootpath))
    yield host
    host.managed.end(forget=True)
    assert registry.running() == []


def deployed(host, content, deployment="d-FIRST"):
    event, outcome = host.deploy(content, deployment)
    assert (event, outcome.code) == ("ValidateService", "Success"), f"{event} {outcome.message}\n{host.log(deployment)}"


def environment(host):
    return json.loads(host.answer("/")[1])


def test_a_bundle_of_the_runbook_runs(host, tmp_path):
    """As 04_deploy packs it; the application knows its revision."""
    built = bundle.build(SAMPLE, tmp_path / "bundles")
    event, outcome = host.deploy(built.path.read_bytes(), "d-FIRST", kind="zip")
    assert (event, outcome.code) == ("ValidateService", "Success"), f"{outcome.message}\n{outcome.log_tail}"
    assert json.loads(host.answer("/version")[1])["revision"] == built.revision


@pytest.mark.exhaustive
def test_what_its_wheels_install_is_compiled(host):
    """The application's user may not write there.  What has the syntax of another Python is left as it is."""
    wheel, info = io.BytesIO(), "thing-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("thing/__init__.py", "answer = 42\n")
        archive.writestr("thing/old.py", "print 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    content = wheel.getvalue()
    lock = f"thing==1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"
    deployed(host, packed(**{"requirements.txt": lock, "wheels/thing-1.0-py3-none-any.whl": content}))
    (installed,) = (host.host.root / "opt/webapp/venvs").rglob("thing")
    assert [path.stem.partition(".")[0] for path in (installed / "__pycache__").iterdir()] == ["__init__"]
    assert [*(installed.parent / "pip").rglob("*.pyc")], "pip, which the environment has, too"


def test_it_gets_its_environment(host, configure, client):
    """All that the contract names, with settings and secrets; the host's console and disk hold no secret."""
    client("secretsmanager").create_secret(Name="stripe", SecretString='quoted "s3cret" $HOME `x` \\ end\nsecond line')
    client("ssm").put_parameter(Name="/prod/token", Type="SecureString", Value="t0k3n-t0k3n")
    configure(
        environment={"GREETING": 'hello "you" at $5'}, secrets={"STRIPE_KEY": "stripe", "TOKEN": "/prod/token"},
        cache={"host": "cache.test", "port": 6379},
    )  # fmt: skip
    deployed(host, packed())
    got = environment(host)
    assert got["PORT"] == str(host.host.port)
    assert got["STRIPE_KEY"] == 'quoted "s3cret" $HOME `x` \\ end\nsecond line'
    assert (got["TOKEN"], got["GREETING"]) == ("t0k3n-t0k3n", 'hello "you" at $5')
    assert (got["SESSION_SECRET"], got["REVISION"], got["PUBLIC_URL"]) == ("k" * 40, "v1", "https://a.test")
    assert (got["CACHE_URL"], got["AWS_REGION"]) == ("rediss://cache.test:6379/0", "us-west-2")
    assert (got["INSTANCE_ID"], got["ZONE"]) == (host.host.instance_id, "us-west-2b")
    assert got["DATABASE_CA"].endswith("/opt/runbook/certs/rds-roots.pem")
    secrets = (b"s3cret", b"t0k3n-t0k3n", b"k" * 40)
    on_disk = [path for path in host.host.folder.rglob("*") if path.is_file() and "/run/" not in str(path)]
    assert not [path for path in on_disk if any(secret in path.read_bytes() for secret in secrets)]
    in_memory = (host.host.root / "run/webapp/environment").resolve()
    assert in_memory.is_relative_to("/dev/shm") or not Path("/dev/shm").exists()
    assert in_memory.stat().st_mode & 0o777 == 0o600


def test_a_process_that_dies_is_started_again_and_the_host_starts_it_at_a_boot(host, registry, tmp_path, request):
    deployed(host, packed("web: python3 app.py\nworker: while true; do date; sleep 0.2; done\n"))
    first = environment(host)["pid"]
    psutil.Process(first).send_signal(signal.SIGKILL)
    assert eventually(lambda: host.answer()[0] == 200 and environment(host)["pid"], 60) != first
    assert eventually(lambda: (host.host.root / "var/log/webapp/worker.log").read_text())
    host.managed.end(forget=False)
    assert registry.running() == []
    host.managed = type(host.managed)(host.host, registry)
    host.managed.boot(user_data(request.config.rootpath))
    assert eventually(lambda: host.answer()[0] == 200 and environment(host)["pid"], 60)
    assert "Waiting for the first deployment" not in host.check()[1]


@pytest.mark.exhaustive
def test_a_new_revision_replaces_the_old_one_with_its_processes(host):
    """A line that left the Procfile leaves the host."""
    deployed(host, packed("web: python3 app.py\nworker: sleep 1000\n"))
    deployed(host, packed(version="v2"), "d-SECOND")
    assert environment(host)["version"] == "v2"
    assert not (host.host.root / "etc/systemd/system/webapp-worker.service").exists()
    assert "stopping webapp-worker.service" in host.log("d-SECOND")


NEVER_LISTENS = "import time\nprint('I never listen', flush=True)\ntime.sleep(1000)\n"
ENDS_AT_ONCE = "import sys\nsys.exit('no module named mine')\n"
ELSEWHERE = "print('I listen elsewhere', flush=True)\n" + APP.replace('os.environ["PORT"]', "0")


UNWELL = APP.replace("send_response(200)", "send_response(500, print('I am unwell', flush=True))")


@pytest.mark.parametrize(
    ("app", "told", "reason"),
    [
        pytest.param(
            NEVER_LISTENS,
            "I never listen",
            r"listens on no port; it has to listen on \$PORT, which is \d+",
            id="silent",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            ELSEWHERE,
            "I listen elsewhere",
            r"listens on port \d+; it has to listen on \$PORT, which is \d+",
            id="elsewhere",
        ),
        pytest.param(
            UNWELL,
            "I am unwell",
            "does not answer 200 at /healthz",
            id="unwell",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_an_application_that_does_not_answer_fails_the_deployment_with_its_last_words(host, app, told, reason):
    """The placeholder never answers for it."""
    event, outcome = host.deploy(packed(app=app, patience=5))
    assert (event, outcome.code) == ("ValidateService", "ScriptFailed")
    assert told in outcome.log_tail
    assert re.search(reason, outcome.log_tail)
    assert host.check()[0] != 200


def test_an_application_that_ends_again_and_again_is_not_waited_for(host):
    """Its starts are counted anew for the next deployment."""
    began = time.monotonic()
    event, outcome = host.deploy(packed(app=ENDS_AT_ONCE))
    assert (event, outcome.code) == ("ValidateService", "ScriptFailed")
    assert time.monotonic() - began < 80
    assert "no module named mine" in outcome.log_tail
    assert "webapp.service ends again and again" in outcome.log_tail
    deployed(host, packed(version="v2"), "d-SECOND")
    _, outcome = host.deploy(packed(app=NEVER_LISTENS, patience=2), "d-THIRD")
    assert "I never listen" in outcome.log_tail
    assert "no module named mine" not in outcome.log_tail, "what an earlier revision wrote misleads"


OWN_SPEC = """version: 0.0
os: linux
file_exists_behavior: OVERWRITE
files:
- {source: app.py, destination: /opt/mine}
- {source: version, destination: /opt/mine}
- {source: webapp.service, destination: /etc/systemd/system}
- {source: .runbook, destination: /opt/runbook}
hooks:
  AfterInstall: [{location: .runbook/hooks/prepare.sh}]
  ApplicationStart: [{location: start.sh}]
  ValidateService: [{location: .runbook/hooks/validate.sh}]
"""
OWN_UNIT = """[Service]
WorkingDirectory=/opt/mine
EnvironmentFile=/etc/webapp/instance.env
EnvironmentFile=/run/webapp/environment
ExecStart=/usr/bin/python3 /opt/mine/app.py
[Install]
WantedBy=multi-user.target
"""
START = (
    "#!/bin/sh\nset -eu\nsystemctl daemon-reload\nsystemctl enable webapp.service\nsystemctl restart webapp.service\n"
)


@pytest.mark.exhaustive
def test_an_appspec_of_its_own_takes_the_place_of_a_procfile(host):
    """No process of the Procfile is left, nor starts at the next boot; the last words are those of its own unit."""
    own = {"appspec.yml": OWN_SPEC, "webapp.service": OWN_UNIT, "start.sh": START}
    deployed(host, packed("web: python3 app.py\nworker: sleep 1000\n"))
    deployed(host, packed(version="v2", **own), "d-SECOND")
    assert environment(host)["version"] == "v2"
    enabled = json.loads((host.host.folder / "enabled.json").read_text())
    assert sorted(enabled) == ["webapp-environment.service", "webapp.service"]
    _, outcome = host.deploy(packed(app=ENDS_AT_ONCE, patience=20, **own), "d-THIRD")
    assert "no module named mine" in outcome.log_tail
    assert "webapp.service does not run" in outcome.log_tail


def test_the_port_belongs_to_the_unit(host):
    """Another process that answers on the port is not the application."""
    release = "release: python3 app.py > /dev/null 2>&1 & sleep 1\n"  # it outlives its hook
    event, outcome = host.deploy(packed(f"web: sleep 1000\n{release}"))
    assert (event, outcome.code) == ("ValidateService", "ScriptFailed")
    assert "is answered by another process" in outcome.log_tail


def test_the_release_line_runs_once_for_a_deployment(host, client):
    """Before the new version starts; when it fails, the deployment fails, and the reason is in the log."""
    deployed(host, packed(f"{WEB}release: echo migrated >> $WEBAPP_ROOT/var/lib/webapp/releases\n"))
    releases = host.host.root / "var/lib/webapp/releases"
    assert releases.read_text() == "migrated\n"
    key = "releases/d-SECOND"
    client("s3").put_object(Bucket="environment", Key=key, Body=json.dumps({"state": "done", "server": "i-other"}))
    deployed(host, packed(f"{WEB}release: false\n"), "d-SECOND")
    assert "The release line has run on i-other." in host.log("d-SECOND")
    event, outcome = host.deploy(packed(f"{WEB}release: echo no such table; exit 3\n"), "d-THIRD")
    assert (event, outcome.code) == ("ApplicationStart", "ScriptFailed")
    assert "no such table" in outcome.log_tail
    assert "release line failed with exit code 3" in outcome.log_tail


@pytest.mark.exhaustive
def test_a_process_has_time_to_finish(host):
    """It gets SIGTERM, whatever shell syntax its line has."""
    said = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))\n"
    procfile = "web: python3 app.py\nslow: GREETING=x python3 slow.py\nshell: true && python3 slow.py\n"
    deployed(host, packed(procfile, **{"slow.py": f"{said}print('ready', flush=True)\nwhile True: time.sleep(0.1)\n"}))
    logs = host.host.root / "var/log/webapp"
    eventually(lambda: all("ready" in (logs / f"{name}.log").read_text() for name in ("slow", "shell")))
    began = time.monotonic()
    host.perform("ApplicationStop", deployment="d-SECOND")
    assert time.monotonic() - began < 15
    assert all("bye" in (logs / f"{name}.log").read_text() for name in ("slow", "shell"))


def test_nothing_is_left_of_a_killed_host(host, registry):
    """All processes of its units go with it, at once, although their init would start them again."""
    deployed(host, packed("web: python3 app.py\nworker: sleep 1000\n"))
    processes = [psutil.Process(environment(host)["pid"]), *registry.running(host.host.instance_id)]
    host.managed.kill()
    assert not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert host.answer()[0] == 0


@pytest.mark.exhaustive
def test_the_rehearsal_changes_no_user_of_the_machine(host, tmp_path):
    """Also as root, as in a container: on a server the hooks add a user, and run the release line as it."""
    for name in ("useradd", "runuser", "chown"):
        program = host.host.folder / "bin" / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/changed\n")
        program.chmod(0o755)
    id_of_root = host.host.folder / "bin" / "id"
    id_of_root.write_text('#!/bin/sh\n[ "$1" = -u ] && echo 0\n')
    id_of_root.chmod(0o755)
    deployed(host, packed(f"{WEB}release: true\n"))
    assert not (tmp_path / "changed").exists()
