"""Applications of others in place of the sample: deployed, killed, rebooted and failing, by the real commands.

One environment for all of them; each test puts its application in place of ``webapp/`` and deploys it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys

import pytest

from embedded_aws.client import process
from embedded_aws.testing import eventually
from tests.notebooks.operator import REPOSITORY, Crowd, Operator, Visitor

pytestmark = pytest.mark.needs("mariadbd", "mariadb-install-db", "mariadb", "ps")

PLANTED = [f"planted-{number:02d}-f1e2d3c4b5a6" for number in range(20)]

# A web server on the standard library. It shows its settings, lets AWS's CLI make a topic, and answers elsewhere with
# `ok`.
SERVER = """\
import http.server, json, os, subprocess

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = "ok"
        if self.path == "/settings":
            names = [name for name in os.environ if name.startswith(("INSTANCE_", "GREETING", "KEY_", "DATABASE_URL"))]
            text = json.dumps({name: os.environ[name] for name in names} | {"pid": os.getpid()})
        elif self.path == "/topic":
            command = ["aws", "sns", "create-topic", "--name", "orders"]
            done = subprocess.run(command, capture_output=True, text=True)
            text = done.stdout + done.stderr
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""
UNIT = """\
[Service]
EnvironmentFile=/etc/webapp/instance.env
EnvironmentFile=/run/webapp/environment
WorkingDirectory=/opt/mine
ExecStart=/usr/bin/python3 /opt/mine/server.py
Restart=always

[Install]
WantedBy=multi-user.target
"""
SPEC = """\
version: 0.0
os: linux
files:
- {source: server.py, destination: /opt/mine}
- {source: webapp.service, destination: /etc/systemd/system}
file_exists_behavior: OVERWRITE
hooks:
  ApplicationStart:
  - {location: start.sh, timeout: 60}
"""
START = (
    "#!/bin/sh\nset -eu\nsystemctl daemon-reload\nsystemctl enable webapp.service\nsystemctl restart webapp.service\n"
)
# A WebSocket server that sends back what it gets, and shows what its worker does.
SOCKETS = """\
import base64, hashlib, http.server, os
from pathlib import Path

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if "Sec-WebSocket-Key" not in self.headers:
            text = (Path(os.environ["HOME"]) / "work").read_bytes() if self.path == "/work" else b"ok"
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            return
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while data := self.connection.recv(65536):
            self.connection.sendall(data)

http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""
WORKER = """\
import os, time
while True:
    with open(os.environ["HOME"] + "/work", "w") as file:
        file.write(f"{os.environ['INSTANCE_ID']} {time.time()}")
    time.sleep(0.2)
"""
UPPER = ("--only", "03_compute", "--only", "04_deploy")
OWN = {"server.py": SERVER, "webapp.service": UNIT, "appspec.yml": SPEC, "start.sh": START}


class Team(Operator):
    """Somebody with a checkout whose ``webapp/`` is their own."""

    def put(self, **files: str) -> None:
        """Put these files in place of ``webapp/``."""
        shutil.rmtree(self.code / "webapp", ignore_errors=True)
        for name, text in files.items():
            path = self.code / "webapp" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755 if path.suffix == ".sh" else 0o644)

    def deploy(self, **files: str) -> subprocess.CompletedProcess[str]:
        """Put these files in place of ``webapp/`` and deploy them."""
        self.put(**files)
        return self.runbook("apply", "--env", "local", "--only", "04_deploy")

    def settle(self, old: str, new: str) -> None:
        """Edit the parameters."""
        path = self.root / "params" / "local.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    @property
    def site(self) -> dict[str, str]:
        (site,) = self.status()["sites"]
        return site

    def ask(self, path: str) -> str:
        status, text = Visitor(self.site).get(path)
        assert status == 200, text
        return text

    def in_service(self) -> list[str]:
        """The servers that the load balancer finds healthy, by their ids."""
        instances = self.status()["instances"]
        return [one["id"] for one in instances if (one["state"], one["health"]) == ("InService", "healthy")]


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A team whose environment runs a static site."""
    root, code = tmp_path_factory.mktemp("team"), tmp_path_factory.mktemp("checkout")
    shutil.copytree(REPOSITORY / "params", root / "params")
    for part in ("runbook_lib", "notebooks"):
        shutil.copytree(REPOSITORY / part, code / part, ignore=shutil.ignore_patterns("__pycache__"))
    team = Team(root, code)
    # Whoever never answers is not waited for here as long as on a server.
    hook = code / "runbook_lib/stacks/application/server/hooks/validate.sh"
    assert "wait_for 90 " in hook.read_text()
    hook.write_text(hook.read_text().replace("wait_for 90 ", "wait_for 8 "))
    team.settle("path: /healthz", "path: /")
    team.put(**{"Procfile": "web: python3 -m http.server $PORT\n", "index.html": "<h1>A static site</h1>"})
    with pytest.MonkeyPatch.context() as patch:
        for switch in ("RUNBOOK_LOCAL_MACHINES", "RUNBOOK_LOCAL_SAVE"):
            patch.delenv(switch)
        try:
            built = team.runbook("apply", "--env", "local")
            assert built.returncode == 0, built.stdout + built.stderr
            yield team
        finally:
            process.stop(root)


def succeeded(done):
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.exhaustive  # without a database alone: test_without_a_database.py
def test_a_static_site_needs_one_line(team):
    assert team.ask("/") == "<h1>A static site</h1>"


@pytest.mark.exhaustive  # of the sample: test_scenario.py
def test_a_killed_server_is_replaced_by_one_with_the_release(team):
    lost = team.in_service()[0]
    succeeded(team.runbook("local", "kill-instance", lost))
    eventually(lambda: lost not in team.in_service() and len(team.in_service()) == 2, within=120)
    assert all(team.ask("/") == "<h1>A static site</h1>" for _ in range(4))


@pytest.mark.exhaustive  # of a host alone: hosts/test_procfile.py
def test_an_appspec_of_its_own_gets_settings_secrets_and_permissions(team):
    """A rotated secret reaches it; what the role may not do fails; a policy attached by hand is drift."""
    secrets, parameters, iam = team.aws("secretsmanager"), team.aws("ssm"), team.aws("iam")
    values = [" ".join(PLANTED[number : number + 5]) for number in range(0, 20, 5)]
    secrets.create_secret(Name="prod/one", SecretString=values[0])
    secrets.create_secret(Name="prod/two", SecretString=values[1])
    parameters.put_parameter(Name="/prod/three", Type="SecureString", Value=values[2])
    allowed = "{actions: [sns:CreateTopic], resources: ['arn:aws:sns:*:*:orders']}"
    team.settle("\n  environment: {} ", '\n  environment: {GREETING: "hello, you"} ')
    team.settle("\n  secrets: {} ", "\n  secrets: {KEY_1: prod/one, KEY_2: prod/two, KEY_3: /prod/three} ")
    team.settle("{statements: [],", f"{{statements: [{allowed}],")
    team.put(**OWN)
    succeeded(team.runbook("apply", "--env", "local", *UPPER))
    settings = json.loads(team.ask("/settings"))
    assert [settings[f"KEY_{number}"] for number in (1, 2, 3)] == values[:3]
    assert settings["GREETING"] == "hello, you"
    assert ":orders" in team.ask("/topic")

    secrets.put_secret_value(SecretId="prod/one", SecretString=values[3])
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="local-web", PolicyName="by-hand", PolicyDocument=json.dumps(document))
    iam.attach_role_policy(RoleName="local-web", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    team.settle(f"{{statements: [{allowed}],", "{statements: [],")
    succeeded(team.runbook("apply", "--env", "local", *UPPER))
    assert {json.loads(team.ask("/settings"))["KEY_1"] for _ in range(4)} == {values[3]}
    assert "is not authorized to perform: SNS:CreateTopic" in team.ask("/topic")
    assert iam.list_attached_role_policies(RoleName="local-web")["AttachedPolicies"] == []
    assert not {"by-hand", "local-web-app-1"} & set(iam.list_role_policies(RoleName="local-web")["PolicyNames"])


@pytest.mark.exhaustive  # of a host alone: hosts/test_procfile.py; of the evidence: test_scenario.py
def test_no_secret_is_on_a_disk_or_in_the_evidence(team):
    """The account itself is saved with all that Secrets Manager and Systems Manager hold; nothing else has them."""
    account, planted = team.root / ".runbook" / "local" / "state.pickle", re.compile("|".join(PLANTED).encode())
    files = [one for one in team.root.rglob("*") if one.is_file() and one != account and "/root/run/" not in str(one)]
    assert len(files) > 100
    assert [path for path in files if planted.search(path.read_bytes())] == []


@pytest.mark.exhaustive  # of a host alone: embedded-aws/tests/hosts/
def test_a_rebooted_server_starts_the_release(team):
    """By itself, as a new process, with its environment written to memory anew.

    Nothing replaces it meanwhile, as AWS advises before a reboot: a slow machine fails the load balancer's checks.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
    """

    def seen():
        """Each server's answer; nothing while the load balancer still sends requests to the one that is down."""
        try:
            answers = [json.loads(team.ask("/settings")) for _ in range(4)]
        except AssertionError:
            return {}
        return {one["INSTANCE_ID"]: (one["pid"], one["KEY_1"]) for one in answers}

    before = eventually(lambda: (now := seen()) and len(now) == 2 and now, within=60)
    rebooted = team.in_service()[0]
    scaling = team.aws("autoscaling")
    (group,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    replacing = {"AutoScalingGroupName": group["AutoScalingGroupName"], "ScalingProcesses": ["ReplaceUnhealthy"]}
    scaling.suspend_processes(**replacing)
    team.aws("ec2").reboot_instances(InstanceIds=[rebooted])

    def restarted():
        now = seen()
        return len(now) == 2 and now.get(rebooted, before[rebooted]) != before[rebooted] and now

    after = eventually(restarted, within=120)
    scaling.resume_processes(**replacing)
    assert {key for _, key in after.values()} == {key for _, key in before.values()}


@pytest.mark.exhaustive  # of a host alone: hosts/test_procfile.py; a release that is rolled back: test_scenario.py
@pytest.mark.parametrize(
    ("procfile", "words"),
    [
        ("web: echo 'I am elsewhere'; python3 -m http.server 0", ("I am elsewhere", "listens on port")),
        ("web: echo 'I cannot go on'; exit 7", ("I cannot go on", "webapp.service")),
        ("web: echo 'I am deaf'; sleep 1000", ("I am deaf", "it has to listen on $PORT")),
    ],
    ids=["wrong port", "exits", "never listens"],
)
def test_a_release_that_does_not_work_fails_while_the_site_answers(team, procfile, words):
    """Its own last words are on the screen, and what ran before runs again."""
    with Crowd(team.site, visitors=1) as crowd:
        failed = team.deploy(Procfile=f"{procfile}\n")
    assert failed.returncode == 1, failed.stdout
    for word in (*words, "Rolled back to"):
        assert word in failed.stdout + failed.stderr
    assert set(crowd.answers) == {200}
    assert len(team.in_service()) == 2
    assert team.ask("/")


@pytest.mark.exhaustive  # each alone: embedded-aws/tests/, hosts/test_procfile.py and load_balancer/test_tunnel.py
def test_a_worker_and_websockets(team):
    """What a client sends through the load balancer comes back; the worker runs beside."""
    procfile = "web: python3 server.py\nworker: python3 worker.py\n"
    succeeded(team.deploy(**{"Procfile": procfile, "server.py": SOCKETS, "worker.py": WORKER}))
    work = eventually(lambda: team.ask("/work"))
    eventually(lambda: team.ask("/work") != work)
    site = team.site
    port = int(site["url"].rstrip("/").rpartition(":")[2])
    trusted = ssl.create_default_context(cafile=site["certificate"])
    request = (
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with (
        socket.create_connection(("localhost", port), timeout=30) as plain,
        trusted.wrap_socket(plain, server_hostname="localhost") as link,
        link.makefile("rb") as answer,
    ):
        link.sendall(request.encode())
        head = b"".join(iter(answer.readline, b"\r\n"))
        assert b" 101 " in head
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        for message in (b"hello", b"x" * 10_000):
            link.sendall(message)
            assert answer.read(len(message)) == message


SETTINGS = """

import os
import dj_database_url
import pymysql

pymysql.install_as_MySQLdb()
SECRET_KEY = os.environ["SESSION_SECRET"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": dj_database_url.config()}
DATABASES["default"]["OPTIONS"] = {"ssl": {"ca": os.environ["DATABASE_CA"]}}
"""
URLS = """
from django.contrib.auth.models import Group
from django.http import HttpResponse
from django.urls import path

def write(request):
    Group.objects.create(name=str(Group.objects.count()))
    return HttpResponse(str(Group.objects.count()))

urlpatterns = [path("", lambda request: HttpResponse("ok")), path("write", write)]
"""


@pytest.mark.exhaustive
def test_a_project_of_django(team, tmp_path):
    """As `django-admin startproject` makes it, with ten lines of settings; its migrations are the release line."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tmp_path), "django~=5.2"]
    subprocess.run(pip, check=True, timeout=200)
    team.put(**{
        "Procfile": "web: gunicorn mysite.wsgi --bind 0.0.0.0:$PORT\nrelease: python manage.py migrate\n",
        "requirements.in": "django~=5.2\ngunicorn\npymysql\ndj-database-url\n",
    })  # fmt: skip
    webapp = team.code / "webapp"
    start = [sys.executable, "-m", "django", "startproject", "mysite", str(webapp)]
    subprocess.run(start, check=True, timeout=100, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    with (webapp / "mysite/settings.py").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    (webapp / "mysite/urls.py").write_text(URLS, encoding="utf-8")
    succeeded(team.runbook("lock"))
    succeeded(team.runbook("apply", "--env", "local", "--only", "04_deploy"))
    assert [team.ask("/write") for _ in range(4)] == ["1", "2", "3", "4"]


EXPRESS = """
const fs = require("fs"), express = require("express"), mysql = require("mysql2/promise");
const ssl = { ca: fs.readFileSync(process.env.DATABASE_CA) };
const pool = mysql.createPool({ uri: process.env.DATABASE_URL, ssl });
async function write() {
  await pool.query("INSERT INTO notes (text) VALUES ('hello')");
  const [rows] = await pool.query("SELECT COUNT(*) AS n FROM notes");
  return String(rows[0].n);
}
if (process.argv[2] === "migrate") {
  pool.query("CREATE TABLE IF NOT EXISTS notes (id INT AUTO_INCREMENT PRIMARY KEY, text TEXT)").then(() => pool.end());
} else {
  const app = express();
  app.get("/", (request, response) => response.send("ok"));
  app.get("/write", (request, response, next) => write().then((text) => response.send(text), next));
  app.listen(process.env.PORT);
}
"""


@pytest.mark.exhaustive
def test_an_application_of_express(team):
    """Its packages are those of `package-lock.json`."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    package = {"name": "notes", "version": "1.0.0", "dependencies": {"express": "^4.21.0", "mysql2": "^3.11.0"}}
    procfile = "web: node server.js\nrelease: node server.js migrate\n"
    team.put(**{"Procfile": procfile, "server.js": EXPRESS, "package.json": json.dumps(package)})
    npm = ["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"]
    subprocess.run(npm, check=True, timeout=200, cwd=team.code / "webapp", capture_output=True)
    succeeded(team.runbook("apply", "--env", "local", "--only", "04_deploy"))
    assert [team.ask("/write") for _ in range(4)] == ["1", "2", "3", "4"]
