"""The whole runbook for real: built, found unchanged, put back after somebody's hand, and gone without a trace.

One environment, one story, told in order; each chapter is a test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path
from zipfile import ZipFile

import nbformat
import psutil
import pymysql
import pytest
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

from embedded_aws.client import control, process
from embedded_aws.testing import eventually
from runbook_lib.journal.journal import is_intact
from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.params import load
from runbook_lib.stacks.application.contents import revision
from runbook_lib.stacks.environment import stacks, whole
from tests.notebooks.operator import REPOSITORY, Crowd, Operator, Visitor

pytestmark = pytest.mark.needs("mariadbd", "mariadb-install-db", "mariadb", "ps")

NOTEBOOKS = ("01_network", "02_data", "03_compute", "04_deploy")
NETWORK = str(REPOSITORY / "notebooks" / "01_network.ipynb")


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    root = tmp_path_factory.mktemp("operator")
    shutil.copytree(REPOSITORY / "params", root / "params")
    with pytest.MonkeyPatch.context() as patch:
        for switch in ("RUNBOOK_LOCAL_MACHINES", "RUNBOOK_LOCAL_SAVE"):
            patch.delenv(switch)
        try:
            yield Operator.of_sample(root, tmp_path_factory.mktemp("checkout"))
        finally:
            process.stop(root)


@pytest.fixture(scope="module")
def before(operator):
    """The account as it was when nobody had worked in it."""
    return operator.inventory()


@pytest.fixture(scope="module")
def built(operator, before):
    return operator.runbook("apply", "--env", "local", "--change", "CHG0012345")


@pytest.fixture(scope="module")
def secrets(operator, built):
    """What the environment keeps to itself, for as long as it is there."""
    return operator.secrets()


def cut_off(operator):
    """Somebody takes away the rule that lets the web servers reach the database; returns the database's group."""
    ec2 = operator.aws("ec2")
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    (mysql,) = [r for r in rules if r.get("FromPort") == 3306 and not r["IsEgress"]]
    ec2.revoke_security_group_ingress(GroupId=mysql["GroupId"], SecurityGroupRuleIds=[mysql["SecurityGroupRuleId"]])
    return mysql["GroupId"]


def drifted(operator, group):
    """Somebody works in the console: a stranger comes, sizes and guards change."""
    ec2, elb = operator.aws("ec2"), operator.aws("elbv2")
    world = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[world])
    operator.aws("autoscaling").update_auto_scaling_group(AutoScalingGroupName="local-web", MaxSize=9)
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    found = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    elb.delete_listener(ListenerArn=next(listener["ListenerArn"] for listener in found if listener["Port"] == 80))
    operator.aws("rds").modify_db_instance(
        DBInstanceIdentifier="local-database", BackupRetentionPeriod=1, ApplyImmediately=True
    )


MENDED = {
    "security_group.db": "update",
    "security_group_rule.db-mysql": "create",
    "auto_scaling_group.web": "update",
    "redirect_listener.http": "create",
    "db_instance.database": "update",
}
ONLY_MENDED = ("--only", "01_network", "--only", "02_data", "--only", "03_compute")


def test_it_builds_the_whole_stack(operator, built):
    """Exit 0; it says what was built, that nothing differs, where the site is and where the evidence lies."""
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Verified: no difference in 01_network, 02_data, 03_compute, 04_deploy." in built.stdout
    assert "The site: https://" in built.stdout
    assert f"Evidence: {operator.last('apply')}" in built.stdout
    for key in ("vpc.main", "subnet.private-us-west-2b", "db_instance.database", "load_balancer.web", "release.web"):
        assert key in built.stdout


def test_it_leaves_its_evidence(operator, built):
    """Executed notebooks without error cells, a page of each, tables, plans, a whole journal with the change's id."""
    folder = operator.last("apply")
    for name in NOTEBOOKS:
        cells = nbformat.read(folder / f"{name}.ipynb", as_version=4).cells
        assert not [o for c in cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
        assert all(c.execution_count for c in cells if c.cell_type == "code")
        page = (folder / f"{name}.html").read_text(encoding="utf-8")
        assert "<script" not in page
        assert list((folder / "tables").glob(f"{name}-*.csv"))
        assert list((folder / "plans").glob(f"{name}-apply-*.json"))
    assert is_intact(folder / "journal.jsonl")
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert {e["change"] for e in events if e["event"] == "open"} == {"CHG0012345"}
    assert {e["ok"] for e in events if e["event"] == "verify"} == {True}


def test_the_site_answers_from_both_zones(operator, built):
    """At the address that the run has printed, with the certificate that the status names."""
    (site,) = operator.status()["sites"]
    assert f"The site: {site['url']}" in built.stdout
    visitor = Visitor(site)
    pages = [visitor.get() for _ in range(4)]
    assert {status for status, _ in pages} == {200}
    served = {re.search(r"Served by .*?(i-[0-9a-f]+).*?(us-west-2\w)", page, re.DOTALL).groups() for _, page in pages}
    assert len({instance for instance, _ in served}) == 2
    assert {zone for _, zone in served} == {"us-west-2a", "us-west-2b"}


def test_a_server_tells_the_revision_that_it_runs(operator, built):
    """The one that was packed."""
    answer = json.loads(Visitor(operator.status()["sites"][0]).get("/version")[1])
    assert answer["revision"] == revision(operator.code / "webapp")


def query(operator, *statements):
    """Run SQL at the endpoint that RDS names, as the master whose secret RDS manages; returns the last one's rows."""
    (database,) = operator.aws("rds").describe_db_instances()["DBInstances"]
    arn = database["MasterUserSecret"]["SecretArn"]
    secret = json.loads(operator.aws("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    there = {"host": database["Endpoint"]["Address"], "port": database["Endpoint"]["Port"]}
    trusted = str(operator.root / ".runbook/local/databases/authority/ca.pem")
    given = {"user": secret["username"], "password": secret["password"], "database": database["DBName"]}
    with pymysql.connect(**there, **given, ssl={"ca": trusted}, autocommit=True) as link, link.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def test_the_database_is_a_private_server(operator, built):
    """With TLS; the application's user is there, and what is written stays."""
    assert query(operator, "SELECT COUNT(*) FROM mysql.user WHERE user = 'webapp'") == ((1,),)
    assert query(
        operator, "CREATE TABLE notes (note TEXT)", "INSERT INTO notes VALUES ('the pager is quiet')",
        "SELECT note FROM notes",
    ) == (("the pager is quiet",),)  # fmt: skip


def test_a_server_that_dies_is_replaced_while_the_other_answers(operator, built):
    """Requests fail until its health checks do, as on AWS; the new one runs the same revision, and verify is green.

    What the lost one wrote last is in its log.
    """
    status = operator.status()
    lost, stays = (one["id"] for one in status["instances"])
    disk = operator.root / ".runbook" / "local" / "machines" / lost
    with (disk / "root/var/log/webapp/web.log").open("a", encoding="utf-8") as log:
        log.write("about to break\n")
    revision = json.loads(Visitor(status["sites"][0]).get("/version")[1])
    with Crowd(status["sites"][0]) as crowd:
        for one in ours(operator, "machines", lost):
            one.kill()
        eventually(lambda: lost not in in_service(operator), within=30)
        failed = crowd.answers[502]
        eventually(lambda: in_service(operator) - {lost, stays} and len(in_service(operator)) == 2, within=90)
        eventually(lambda: crowd.answers[200] >= 1000, within=90)
    assert set(crowd.answers) <= {200, 502}
    assert crowd.answers[502] - failed <= crowd.visitors, crowd.answers
    visitor = Visitor(status["sites"][0])
    assert [json.loads(visitor.get("/version")[1]) for _ in range(4)] == [revision] * 4
    verified = operator.runbook("verify", "--env", "local", "--only", "03_compute", "--only", "04_deploy")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    printed = operator.runbook("logs", "--env", "local", "--server", lost, "--process", "web", "--since", "30m")
    assert f" {lost} web about to break\n" in printed.stdout, printed.stdout + printed.stderr


def in_service(operator):
    """The instances that the load balancer finds healthy."""
    return {i["id"] for i in operator.status()["instances"] if (i["state"], i["health"]) == ("InService", "healthy")}


def reword_it(webapp):
    """A release that differs in what it says."""
    program = webapp / "serve.py"
    program.write_text(program.read_text().replace("everybody may read", "anybody may read"))


def test_fifty_people_notice_nothing_of_a_new_release(operator, built, tmp_path):
    """A thousand times they ask, read for a second and ask again, while one server after the other changes."""
    (site,) = operator.status()["sites"]
    released = operator.edited(tmp_path, reword_it)
    with Crowd(site, visitors=50, pause=1.0) as crowd:
        done = released.runbook("apply", "--env", "local", "--only", "04_deploy")
        eventually(lambda: crowd.answers.total() > 1000, within=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(crowd.answers) == {200}
    assert all("anybody may read" in Visitor(site).get()[1] for _ in range(4))
    operator.code = released.code  # from here on the story is about this version


def break_it(webapp):
    """A release whose release line finds that it does not work."""
    (webapp / "check.sh").write_text("echo 'the page is empty' >&2\nexit 3\n")
    with (webapp / "Procfile").open("a") as procfile:
        procfile.write("release: sh check.sh\n")


def test_a_broken_release_is_rolled_back(operator, built, tmp_path):
    """The run fails with the hook's own words and says what runs; the old version served all the time."""
    (site,) = operator.status()["sites"]
    revision = json.loads(Visitor(site).get("/version")[1])
    with Crowd(site) as crowd:
        failed = operator.edited(tmp_path, break_it).runbook("apply", "--env", "local", "--only", "04_deploy")
    said = failed.stdout + failed.stderr
    assert failed.returncode == 1, said
    for words in ("ApplicationStart on i-", "hooks/application_start.sh", "exit code 3", "the page is empty"):
        assert words in said
    assert re.search(r"Rolled back to sha256 [0-9a-f]{64}: d-\w+ succeeded", said)
    page = (operator.last("apply") / "04_deploy.html").read_text(encoding="utf-8")
    assert "the page is empty" in page
    assert "Rolled back to sha256" in page
    assert set(crowd.answers) == {200}
    visitor = Visitor(site)
    assert [json.loads(visitor.get("/version")[1]) for _ in range(4)] == [revision] * 4


def ours(operator, *part):
    """The processes of this environment or a part of it, whoever started them."""
    folder = str(operator.root.joinpath(".runbook", "local", *part))
    return [one for one in psutil.process_iter() if folder in told(one)]


def told(one):
    try:
        return " ".join([*one.cmdline(), *one.environ().values()])
    except psutil.Error:
        return ""


def test_nothing_is_left_of_a_server_that_was_killed(operator, built):
    """The next one ends what it left behind, and has everything up again as it was."""
    address = process.find(operator.root)
    control.call(address, "POST", "save")
    before = in_service(operator)
    os.kill(address.process.pid, signal.SIGKILL)
    left = eventually(lambda: [one for one in ours(operator) if one.pid != address.process.pid])
    process.ensure(operator.root)
    eventually(lambda: in_service(operator) == before, within=90)
    assert not [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert Visitor(operator.status()["sites"][0]).get()[0] == 200
    assert query(operator, "SELECT note FROM notes") == (("the pager is quiet",),)


def test_a_second_apply_changes_nothing_and_says_so(operator, built):
    """Also after the embedded AWS was ended and started again: nothing ran meanwhile, and the account is as it was."""
    (site,) = operator.status()["sites"]
    process.stop(operator.root)
    assert ours(operator) == []
    with pytest.raises(ConnectionRefusedError):
        Visitor(site).get()
    again = operator.runbook("apply", "--env", "local")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing was changed: everything is as the parameters say." in again.stdout
    plan = operator.runbook("plan", "--env", "local", "--only", "02_data", "--detailed-exitcode")
    assert (plan.returncode, plan.stdout.count("nothing to do")) == (0, 1)


def test_a_look_at_everything_costs_few_calls(operator, built):
    """The notebooks share what AWS has answered; each call is counted where it arrives."""
    counted = {}
    for mode in ("plan", "verify"):
        operator.runbook("local", "fault", "add", "*:*", "slow", "--seconds", "0.001")
        done = operator.runbook(mode, "--env", "local")
        assert done.returncode == 0, done.stdout + done.stderr
        told = operator.runbook("local", "fault", "list").stdout
        counted[mode] = int(re.search(r"(\d+) hit", told)[1])
        operator.runbook("local", "fault", "clear")
    assert 40 < counted["plan"] <= 75
    assert counted["plan"] < counted["verify"] <= 95, "its checks read more"


def test_what_somebody_did_by_hand_is_planned_and_mended(operator, built):
    """Plan shows exactly it and exits with 3; verify fails; apply mends it and nothing else."""
    group = cut_off(operator)
    visitor = Visitor(operator.status()["sites"][0])
    answer = eventually(lambda: visitor.get("/readyz")[0] == 503 and visitor.get("/readyz")[1])
    assert json.loads(answer) == {"database": False}
    drifted(operator, group)
    plan = operator.runbook("plan", "--env", "local", *ONLY_MENDED, "--detailed-exitcode")
    assert plan.returncode == 3, plan.stdout + plan.stderr
    planned = [json.loads(p.read_text())["plan"] for p in operator.last("plan").glob("plans/*-apply-*.json")]
    assert {c["key"]: c["action"] for p in planned for c in p["changes"]} == MENDED
    verify = operator.runbook("verify", "--env", "local", "--only", "01_network")
    assert verify.returncode == 1
    assert "other_rules" in verify.stderr + verify.stdout
    assert "Apply it, or correct params/." in verify.stderr + verify.stdout
    mended = operator.runbook("apply", "--env", "local", *ONLY_MENDED)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert f"{len(MENDED)} changes made:" in mended.stdout
    back = Visitor(operator.status()["sites"][0])  # the load balancer has closed the other one's idle connection
    eventually(lambda: back.get("/readyz")[0] == 200, within=30)


@pytest.mark.parametrize(
    "given",
    [
        ["-f", "{params}"],
        pytest.param(["-p", "env", "local"], marks=pytest.mark.exhaustive),
    ],
    ids=" ".join,
)
def test_papermill_alone_does_the_same_from_anywhere(operator, built, tmp_path, given):
    """With a whole parameter file, or with -p."""
    words = [word.format(params=operator.root / "params" / "local.yaml") for word in given]
    done = operator.run("papermill", NETWORK, "OUT.ipynb", *words, "-p", "mode", "plan", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Nothing to do." in (tmp_path / "OUT.ipynb").read_text(encoding="utf-8")


@pytest.mark.exhaustive  # in short: tools/test_papermill.py
def test_papermill_alone_says_which_parameter_nobody_listens_to(operator, built, tmp_path):
    wrong = operator.run("papermill", NETWORK, "OUT.ipynb", "-p", "mod", "plan", cwd=tmp_path)
    assert wrong.returncode != 0
    assert "mod: there is no such parameter; did you mean mode" in wrong.stderr


@pytest.mark.exhaustive
def test_a_scanner_for_secrets_finds_nothing_real(operator, built):
    """In the first run's artifacts: digests, the signature, and names of resources and secrets are all it finds.

    What else stands in the evidence excuses nothing: a secret in it would excuse itself.
    """
    folder = operator.first("apply")
    envelope = json.loads((folder / "manifest.dsse.json").read_text(encoding="utf-8"))
    signed = envelope["payload"] + " " + " ".join(one["sig"] for one in envelope["signatures"])
    names = set(known_names(operator))
    found = SecretsCollection()
    with default_settings():
        for path in filter(Path.is_file, folder.rglob("*")):
            found.scan_file(str(path))
    told = {secret.secret_value for _, secret in found}
    assert len(told) > 10, "it looked"
    unexplained = {one for one in told if not re.fullmatch(r"[0-9a-f]{16,64}", one) and one not in signed}
    assert unexplained - names == set()


def test_a_destroy_needs_its_name(operator, built):
    """Another name, or none, changes nothing."""
    assert operator.runbook("destroy", "--env", "local").returncode == 2
    refused = operator.runbook("destroy", "--env", "local", "--confirm", "prod")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_a_lower_layer_does_not_go_before_the_upper_ones(operator, built):
    refused = operator.runbook("destroy", "--env", "local", "--confirm", "local", "--only", "01_network")
    assert refused.returncode == 1
    assert "StillNeeded" in refused.stderr + refused.stdout


def test_a_destroy_leaves_the_account_as_it_was(operator, before, built, secrets):
    """Nothing of ours is left, nothing else is touched; a second destroy has nothing to do."""
    gone = operator.runbook("destroy", "--env", "local", "--confirm", "local")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert {k: sorted(map(str, v)) for k, v in operator.inventory().items()} == {
        k: sorted(map(str, v)) for k, v in before.items()
    }
    eventually(lambda: not [one for one in ours(operator) if one.pid != process.find(operator.root).process.pid])
    again = operator.runbook("destroy", "--env", "local", "--confirm", "local", "--only", "01_network")
    assert (again.returncode, "There was nothing to destroy." in again.stdout) == (0, True)


def test_no_secret_is_anywhere_in_the_evidence(operator, secrets):
    """Of the whole story: no password and no line of the private key, in any notebook, page, table, plan or journal."""
    assert len(secrets) > 5
    files = [path for path in (operator.root / "artifacts").rglob("*") if path.is_file()]
    assert {p.suffix for p in files} == {".ipynb", ".html", ".csv", ".json", ".jsonl", ".svg", ".zip"}
    text = {path: path.read_text(encoding="utf-8") for path in files if path.suffix != ".zip"}
    for packed in (path for path in files if path.suffix == ".zip"):
        with ZipFile(packed) as archive:
            text |= {packed / name: archive.read(name).decode() for name in archive.namelist()}
    assert [path for path, content in text.items() if any(secret in content for secret in secrets)] == []
    facts = [
        path for path, content in text.items() if path.parent.name in ("plans", "tables") and PLACEHOLDER in content
    ]
    assert facts == [], "what is no secret is not taken for one: a plan would not be found again by its fingerprint"
    assert [path for path, content in text.items() if "PRIVATE KEY" in content] == []


def test_the_journals_hold_the_events_and_fields_that_readers_know(operator, built):
    """Of the whole story: old evidence must stay readable, so neither an event nor a field may change its name."""
    known = json.loads((REPOSITORY / "tests/golden/journal_events.json").read_text(encoding="utf-8"))
    journals = list((operator.root / "artifacts").rglob("journal.jsonl"))
    events = [json.loads(line) for path in journals for line in path.read_text(encoding="utf-8").splitlines()]
    assert {event["event"] for event in events} == set(known)
    for event in events:
        fields, of = set(event) - {"redacted"}, known[event["event"]]
        assert set(of["always"]) <= fields <= {*of["always"], *of["sometimes"]}, event["event"]


def known_names(operator):
    """What only looks like a secret: keys of resources, and where the account itself says that secrets are kept."""
    params = load(operator.root / "params" / "local.yaml")
    yield from (part for stack in stacks(params) for part in stack.parts)
    for resource in whole(params):
        yield from (resource.key, *(need.key for need in resource.dependencies))
    for secret in operator.aws("secretsmanager").list_secrets()["SecretList"]:
        yield from (secret["Name"], secret["ARN"])
    for parameter in operator.aws("ssm").describe_parameters()["Parameters"]:
        yield parameter["Name"]
