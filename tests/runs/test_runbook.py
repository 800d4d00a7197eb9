"""What a notebook holds in its hand: modes, guards, approval, the lock, and the evidence of it all."""

import json
import shutil
import time
from datetime import timedelta
from types import SimpleNamespace

import boto3
import pytest
from click.testing import CliRunner

import runbook_lib.runs.lock as lock_module
from embedded_aws.testing import eventually
from runbook_lib import Runbook
from runbook_lib.aws.endpoints import connection
from runbook_lib.cli import main as cli
from runbook_lib.errors import (
    Blocked,
    DestroyPrevented,
    DriftDetected,
    Locked,
    NotApproved,
    ParamsError,
    RunbookError,
    StillNeeded,
    Unconfirmed,
    WrongAccount,
    WrongEndpoint,
)
from runbook_lib.journal.journal import is_intact
from runbook_lib.journal.summary import is_locked
from runbook_lib.resources.db_instance import DbInstance
from runbook_lib.runs.start import find_operator, lock_of_run
from runbook_lib.stacks.checks.check import Check
from runbook_lib.stacks.compute import compute
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack, in_order
from tests.support.roots import changed


def opened(mode="plan", **more):
    book = Runbook("01_network", env="local", mode=mode, **more)
    return book, network(book.params)


def ground(net):
    """Enough of a network to see the verbs at work."""
    return net.bucket + net.vpc


def vpcs(aws):
    return [v for v in aws.client("ec2").describe_vpcs()["Vpcs"] if not v["IsDefault"]]


def events(root, name):
    lines = [line for path in root.glob("artifacts/local/*/journal.jsonl") for line in path.read_text().splitlines()]
    return [event for line in lines if (event := json.loads(line))["event"] == name]


@pytest.mark.parametrize("mode", ["plan", "verify", "destroy"])
def test_only_the_mode_acts(root, aws, mode):
    """In every other mode a cell shows what it would do: on an empty account nothing comes of it."""
    book, net = opened(mode, confirm="local")
    assert "would apply network.vpc: 2 to create" in str(book.apply(net.vpc))
    if mode != "destroy":
        assert str(book.destroy(net)) == "would destroy network: nothing\nThere is nothing to destroy."
    assert vpcs(aws) == []
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_apply_acts_and_verify_proves_it(root, aws):
    """Verify acts at the end of an apply, too; what was done is in the journal, with the caller and the change."""
    book, net = opened("apply", change="CHG7", asked_by="ann")
    assert "asked by     ann" in repr(book)
    assert "Accepted by AWS." in str(book.apply(ground(net)))
    assert len(vpcs(aws)) == 1
    assert "No difference: 3 unchanged." in str(book.verify(ground(net)))
    assert [(e["change"], "arn:aws" in e["caller"]) for e in events(root, "open")] == [("CHG7", True)]
    assert {e["key"] for e in events(root, "change")} == {"bucket.runbook", "vpc.main", "default_security_group.main"}


def test_verify_fails_the_run_when_something_differs(root, aws):
    """It says what differs, from what to what, and what to do."""
    book, net = opened("apply")
    book.apply(ground(net))
    aws.client("ec2").modify_vpc_attribute(VpcId=vpcs(aws)[0]["VpcId"], EnableDnsHostnames={"Value": False})
    with pytest.raises(DriftDetected, match=r"dns_hostnames: false → true[\s\S]*Apply it"):
        opened("verify")[0].verify(ground(net))


PIGS = {"us-west-2a": ["i-1 sleeps", "i-2 eats"]}


def test_a_claim_that_does_not_hold_fails_the_run(root):
    """The message has what was found, in words: nobody can look above it in a terminal or a report."""
    book, net = opened("apply")
    book.apply(ground(net))
    claims = (Check("water is wet", lambda look, seen: (True, "")), Check("pigs fly", lambda look, seen: (False, PIGS)))
    with pytest.raises(DriftDetected, match=r"  ✗ pigs fly\n      us-west-2a: i-1 sleeps, i-2 eats\n  → ") as stopped:
        book.verify(ground(net), *claims)
    assert "above" not in str(stopped.value)
    assert "water" not in str(stopped.value)
    assert [(e["claim"], e["ok"]) for e in events(root, "check")] == [("water is wet", True), ("pigs fly", False)]


def test_there_are_four_modes(root):
    with pytest.raises(RunbookError, match="Use one of: plan, apply, verify, destroy"):
        opened("do")


def test_a_destroy_names_the_environment(root, aws):
    book, net = opened("apply")
    book.apply(ground(net))
    with pytest.raises(Unconfirmed, match="confirm=local"):
        opened("destroy")[0].destroy(ground(net))
    assert len(vpcs(aws)) == 1
    opened("destroy", confirm="local")[0].destroy(ground(net))
    assert vpcs(aws) == []


def test_an_orphan_in_the_network_is_named_before_anything_is_deleted(root, aws):
    """As what an older version made, or parameters that were never kept; the destroy failed at the VPC."""
    book, net = opened("apply")
    book.apply(ground(net))
    (vpc,) = vpcs(aws)
    tags = {"runbook:owner": "runbook", "runbook:env": "local", "runbook:key": "subnet.forgotten"}
    tagged = [{"ResourceType": "subnet", "Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}]
    ec2 = aws.client("ec2")
    request = {"VpcId": vpc["VpcId"], "CidrBlock": "10.20.240.0/24", "TagSpecifications": tagged}
    forgotten = ec2.create_subnet(**request)["Subnet"]["SubnetId"]
    with pytest.raises(
        StillNeeded, match=rf"subnet.forgotten \(arn:aws:ec2:\S+/{forgotten}\)[\s\S]*delete it yourself"
    ):
        opened("destroy", confirm="local")[0].destroy(ground(net))
    assert not [event for event in events(root, "change") if event["action"] == "delete"]
    ec2.delete_subnet(SubnetId=forgotten)
    opened("destroy", confirm="local")[0].destroy(ground(net))
    assert vpcs(aws) == []


def test_what_is_guarded_stands_in_the_way_of_everything(root, aws):
    """Before anything is removed: a database that may not go keeps its whole environment."""
    book, net = opened("apply")
    for part in ("bucket", "vpc", "subnets", "security_groups"):
        book.apply(getattr(net, part))
    changed(root, guards={"deletion_protection": True})
    store = Runbook("02_data", env="local", mode="apply")
    store.apply(data(store.params))
    book, net = opened("destroy", confirm="local")
    with pytest.raises(
        DestroyPrevented, match=r"db_instance.database: guards.deletion_protection is true[\s\S]*set the guard"
    ):
        book.destroy(net)
    changed(root, guards={"deletion_protection": False})
    book, net = opened("destroy", confirm="local")
    with pytest.raises(StillNeeded, match=r"db_subnet_group.private[\s\S]*Destroy the later notebooks first"):
        book.destroy(net)
    assert len(vpcs(aws)) == 1


def test_a_lost_database_with_a_final_snapshot_stops_a_destroy_at_once(root, aws):
    """AWS would refuse it for ever; the notebook says what to do instead of waiting for 41 minutes."""
    changed(root, guards={"final_snapshot": True})
    store = Runbook("02_data", env="local", mode="apply")
    database = next(one for one in data(store.params) if isinstance(one, DbInstance))
    store.apply(Stack("02_data", all=in_order([database])))
    (there,) = aws.client("rds").describe_db_instances()["DBInstances"]
    aws.control("fail-zone", {"zone": there["AvailabilityZone"]})
    try:
        eventually(lambda: aws.client("rds").describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "failed")
        began = time.monotonic()
        with pytest.raises(Blocked, match=r"db_instance.database \(local-database\) is failed") as stopped:
            Runbook("02_data", env="local", mode="destroy", confirm="local").destroy(data(store.params))
        assert "guards.final_snapshot: false" in stopped.value.fix
        assert time.monotonic() - began < 60
    finally:
        aws.control("restore")


def test_what_is_left_on_purpose_is_named(root, aws):
    """The bucket with the evidence stays where the parameters say so."""
    changed(root, guards={"keep_bucket": True})
    book, net = opened("apply")
    book.apply(ground(net))
    told = str(opened("destroy", confirm="local")[0].destroy(ground(net)))
    (bucket,) = aws.client("s3").list_buckets()["Buckets"]
    assert "guards.keep_bucket is true" in told
    assert bucket["Name"] in told
    assert [(e["key"], e["id"]) for e in events(root, "left")] == [("bucket.runbook", bucket["Name"])]


def test_without_the_approval_that_is_asked_for_nothing_is_done(root, aws):
    changed(root, approval={"required": True})
    book, net = opened("apply")
    book.plan(net)
    with pytest.raises(NotApproved, match="requires an approval"):
        book.apply(net.vpc)
    assert vpcs(aws) == []


def test_what_was_reviewed_is_what_is_done_also_by_the_next_run(root, aws):
    """The fingerprint of the plan lets its changes through; a run that was cut short goes on under it."""
    changed(root, approval={"required": True})
    book, net = opened()
    fingerprint = book.plan(net).plan.fingerprint
    first, net = opened("apply", approved=fingerprint)
    first.plan(net)
    first.apply(net.bucket)
    second, net = opened("apply", approved=fingerprint)
    second.plan(net)
    second.apply(net.vpc)
    assert len(vpcs(aws)) == 1
    changed(root, network={"flow_log_days": 90})
    third, net = opened("apply", approved=fingerprint)
    with pytest.raises(NotApproved, match="the approved plan does not"):
        third.apply(net.flow_logs)


def test_an_approval_of_another_plan_fits_nothing(root):
    book, net = opened("apply", approved="0123456789abcdef")
    with pytest.raises(NotApproved, match="not the fingerprint of the current plan"):
        book.apply(net.vpc)


def test_a_fingerprint_of_digits_is_no_number(root):
    """papermill's -p would make one of it, and lose its zeros."""
    with pytest.raises(
        ParamsError, match=r"approved must be a text, and is 123456, a number.[\s\S]*in quotes: approved = "
    ):
        opened("apply", approved=123456)


@pytest.mark.exhaustive
def test_a_removal_needs_its_approval_too(root, aws):
    """Where the parameters ask for one: the fingerprint that the plan run shows under *Undo*."""
    book, net = opened("apply")
    book.apply(ground(net))
    changed(root, approval={"required": True})
    with pytest.raises(NotApproved, match="requires an approval"):
        opened("destroy", confirm="local")[0].destroy(net)
    assert len(vpcs(aws)) == 1
    fingerprint = opened()[0].destroy(net).plan.fingerprint
    shutil.rmtree(root / "artifacts")  # reviewed on another machine
    opened("destroy", confirm="local", approved=fingerprint)[0].destroy(net)
    assert vpcs(aws) == []


def test_an_approval_to_build_is_none_to_remove(root, aws):
    changed(root, approval={"required": True})
    fingerprint = opened()[0].plan(opened()[1]).plan.fingerprint
    book, net = opened("apply", approved=fingerprint)
    book.apply(net.bucket)
    with pytest.raises(NotApproved):
        opened("destroy", confirm="local", approved=fingerprint)[0].destroy(net)
    assert len(aws.client("s3").list_buckets()["Buckets"]) == 1


def test_one_run_at_a_time_changes_an_environment(root, aws):
    """The second is told who is at work, and since when; the account is as the first left it."""
    book, net = opened("apply")
    book.apply(net.bucket)
    bucket = aws.client("s3").list_buckets()["Buckets"][0]["Name"]
    holder = {"run": "another", "caller": "arn:aws:iam::1:user/ann", "host": "elsewhere", "pid": 1, "started": 0.0}
    body = json.dumps(holder | {"since": "2026-11-24T08:00:00+00:00"})
    aws.client("s3").put_object(Bucket=bucket, Key="lock.json", Body=body)
    with pytest.raises(Locked, match="user/ann is changing this environment: run another, since 2026-11-24T08:00"):
        book.apply(net.vpc)
    assert vpcs(aws) == []


def test_the_lock_is_given_back_after_each_cell_that_acted(root, aws):
    """An operator who reads for an hour between two cells keeps nobody out."""
    book, net = opened("apply")
    book.apply(ground(net))
    bucket = aws.client("s3").list_buckets()["Buckets"][0]["Name"]
    assert "lock.json" not in {one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}


def test_a_headless_run_keeps_the_lock_between_its_notebooks(root, aws, monkeypatch):
    """Nobody comes in between two of them; once all have ended, the command gives it back."""
    monkeypatch.setenv("RUNBOOK_RUN", "run-1")
    book, net = opened("apply")
    book.apply(ground(net))
    bucket = aws.client("s3").list_buckets()["Buckets"][0]["Name"]
    held = json.load(aws.client("s3").get_object(Bucket=bucket, Key="lock.json")["Body"])
    assert (held["run"], held["caller"]) == ("run-1", book.caller)
    journal = root / "artifacts" / "local" / "run-1" / "journal.jsonl"
    assert is_locked(journal)
    lock_of_run(book.params, root, "run-1").release()
    assert "lock.json" not in {one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert not is_locked(journal)


def test_a_run_that_waits_keeps_its_lock(root, aws, monkeypatch):
    """A database takes longer than a lease; a thread renews it, whatever the run waits for."""
    monkeypatch.setenv("RUNBOOK_RUN", "20261124T080000Z-apply-0a1b")
    monkeypatch.setattr(lock_module, "RENEWAL", timedelta(seconds=1))
    book, net = opened("apply")
    book.apply(ground(net))
    before = lock_versions(aws)
    eventually(lambda: lock_versions(aws) > before)
    book._lock.release()


def lock_versions(aws):
    found = aws.client("s3").list_object_versions(Bucket="local-runbook-123456789012-us-west-2", Prefix="lock.json")
    return len(found["Versions"])


def test_the_journal_tells_the_whole_story_in_order(root, aws):
    """Who opened what, what was planned, each call and change, and what was found to be true: chained and whole."""
    book, net = opened("apply", change="CHG7")
    plan = book.plan(net).plan
    book.apply(ground(net))
    book.verify(ground(net))
    (path,) = root.glob("artifacts/local/*/journal.jsonl")
    assert is_intact(path)
    story = [json.loads(line) for line in path.read_text().splitlines()]
    kinds = [event["event"] for event in story]
    assert kinds[0] == "open"
    assert [e["when"] for e in story if e["event"] == "inventory"] == ["before", "after"]
    last = len(kinds) - 1 - kinds[::-1].index("inventory")
    assert kinds.index("plan") < kinds.index("inventory") < kinds.index("change") < kinds.index("verify") < last
    assert {event["notebook"] for event in story} == {"01_network"}
    assert events(root, "plan")[0]["fingerprint"] == plan.fingerprint
    assert [(event["key"], event["action"], event["ok"]) for event in events(root, "change")][:2] == [
        ("bucket.runbook", "create", True), ("vpc.main", "create", True),
    ]  # fmt: skip
    assert "CreateVpc" in json.dumps(story)


def test_what_stopped_a_run_is_in_its_journal(root):
    """The last word of a run that failed is why."""
    book, net = opened("apply", approved="0123456789abcdef")
    with pytest.raises(NotApproved):
        book.apply(net.vpc)
    (event,) = events(root, "stopped")
    assert event["error"].startswith("NotApproved: 0123456789abcdef: not the fingerprint")


def test_the_first_line_says_where_and_as_whom(root):
    """Before anything is done: environment, account, region, mode, caller, change and evidence."""
    book, _ = opened("apply", change="CHG7")
    for word in ("local", "123456789012", "us-west-2", "apply", book.caller, "CHG7", book.run, str(root)):
        assert word in repr(book)


def test_what_papermill_gave_is_used_in_place_of_the_files(root, monkeypatch):
    """``-f`` may bring a section of its own; what is refused in the file is refused there, too."""

    def gave(cell):
        monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(user_ns={"In": [f"# Parameters\n{cell}"]}))

    gave("tags = {'project': 'another', 'owner': 'ann'}\nmode = 'plan'")
    assert opened()[0].params.tags.owner == "ann"
    gave("reigon = 'us-west-2'")
    with pytest.raises(ParamsError, match="reigon: there is no such parameter; did you mean region"):
        opened()
    gave("network = {'nat': 'zonal'}")
    with pytest.raises(ParamsError, match=r"parameter network\.nat"):
        opened()


def test_no_random_secret_is_shown_or_kept(root, aws):
    """What the application signs its sessions with is made, stored, and seen by nobody."""
    book, net = opened("apply")
    book.apply(net.bucket)
    web = compute(book.params)
    shown = str(book.apply(web.secrets)) + book.table(web.secrets).to_csv() + str(book.plan(web))
    client = aws.client("secretsmanager")
    secrets = [client.get_secret_value(SecretId=s["ARN"])["SecretString"] for s in client.list_secrets()["SecretList"]]
    written = "".join(p.read_text() for p in (root / "artifacts").rglob("*") if p.is_file())
    assert secrets
    assert all(len(secret) >= 16 for secret in secrets)
    assert [secret for secret in secrets if secret in shown + written] == []


def test_local_never_reaches_the_real_aws(root, monkeypatch):
    """Without the embedded endpoint it is refused, whatever credentials are at hand."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    changed(root, endpoint=None)
    with pytest.raises(WrongEndpoint, match="would go to the real AWS"):
        opened()


def test_a_real_environment_refuses_an_emulators_endpoint(root, monkeypatch):
    """Nobody rehearses on production's parameters without noticing."""
    there = connection("local", "embedded", root)
    monkeypatch.setenv("AWS_ENDPOINT_URL", there.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", there.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", there.secret_key)
    with pytest.raises(WrongEndpoint, match="dev is a real environment"):
        Runbook("01_network", env="dev", mode="plan")


def test_the_wrong_account_is_refused_before_anything_else(root):
    changed(root, account="999999999999")
    with pytest.raises(WrongAccount, match="account 123456789012, but local is account 999999999999"):
        opened()


def test_pictures_show_what_is_there_and_what_was_done_and_are_kept(root):
    """The journal has what was seen, so that they can be made again."""
    book, net = opened("apply")
    book.apply(net.vpc)
    topology, timeline = book.topology(), book.timeline()
    assert "VPC main" in topology.description
    assert timeline.title.startswith("2 changes")
    (folder,) = (root / "artifacts" / "local").iterdir()
    for picture in (topology, timeline):
        assert (folder / f"{picture.name}.svg").read_text(encoding="utf-8") == picture._repr_svg_()
    (seen,) = [event["seen"] for event in events(root, "topology")]
    assert [network["name"] for network in seen["networks"]] == ["main"]


def test_tables_are_kept_as_csv(root):
    book, net = opened("apply")
    book.apply(ground(net))
    frame = book.table(net.vpc)
    assert frame.loc["vpc.main", "status"] == "available"
    (kept,) = root.glob("artifacts/local/*/tables/01_network-vpc.csv")
    assert "vpc.main" in kept.read_text()


def test_a_private_key_goes_past_everything(root, aws):
    """It is in Secrets Manager, opens the key pair, and stands in no report, table, journal or file."""
    book, net = opened("apply")
    book.apply(net.bucket)
    shown = str(book.apply(net.key)) + book.table(net.key)._repr_html_() + str(book.plan(net))
    (secret,) = aws.client("secretsmanager").list_secrets()["SecretList"]
    private = aws.client("secretsmanager").get_secret_value(SecretId=secret["ARN"])["SecretString"]
    lines = private.splitlines()[1:-1]
    assert private.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    written = "".join(p.read_text() for p in (root / "artifacts").rglob("*") if p.is_file())
    assert not [line for line in lines if line in shown + written]


def test_a_stock_client_sees_the_same_account(root, aws):
    """What the runbook made is there for anybody with the endpoint, tags and all."""
    book, net = opened("apply")
    book.apply(ground(net))
    there = connection("local", "embedded", root)
    client = boto3.client(
        "ec2", endpoint_url=there.endpoint_url, region_name="us-west-2",
        aws_access_key_id=there.access_key, aws_secret_access_key=there.secret_key,
    )  # fmt: skip
    found = client.describe_vpcs(Filters=[{"Name": "tag:runbook:key", "Values": ["vpc.main"]}])["Vpcs"]
    assert [{t["Key"]: t["Value"] for t in v["Tags"]}["runbook:env"] for v in found] == ["local"]


def test_what_was_done_by_hand_is_noted_with_its_reason_and_verify_looks_all_the_same(root):
    """By whom and why is evidence; that it is so, only the account can prove."""
    book, net = opened("apply")
    noted = book.by_hand(net.bucket, "made in the console, CHG0012345")
    assert "bucket.runbook" in str(noted)
    ((event),) = events(root, "by_hand")
    assert (event["keys"], event["reason"]) == (["bucket.runbook"], "made in the console, CHG0012345")
    assert "arn:aws" in event["caller"]
    assert event["operator"] == find_operator(), "of a role, AWS knows only that somebody has taken it"
    with pytest.raises(DriftDetected, match=r"bucket\.runbook"):
        book.verify(net.bucket)


def test_what_was_done_by_hand_needs_a_reason_and_may_be_no_resource(root):
    book, net = opened("destroy", confirm="local")
    with pytest.raises(RunbookError, match="needs a reason"):
        book.by_hand(next(iter(net.vpc)), " ")
    book.by_hand("GitHub was told to trust us", "no API for it")
    assert [e["keys"] for e in events(root, "by_hand")] == [["GitHub was told to trust us"]]


@pytest.mark.parametrize("mode", ["plan", "verify"])
def test_nothing_is_asked_of_who_only_looks(root, mode):
    """*Run All* in plan mode runs through, also where nobody sits."""
    book, net = opened(mode)
    assert "would ask: Remove the data?" in str(book.confirm("Remove the data?"))
    assert ("would record" in str(book.by_hand(net.bucket, "why"))) == (mode == "plan")
    assert events(root, "confirm") == []


def test_a_question_is_answered_with_the_environments_name_and_is_evidence(root, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    answers = iter(["no", "local", "all of it"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    book, _ = opened("apply")
    with pytest.raises(Unconfirmed):
        book.confirm("Go on?")
    assert "confirmed: Go on?" in str(book.confirm("Go on?"))
    book.confirm("Really?", "all of it")
    assert [(e["question"], e["phrase"], e["ok"]) for e in events(root, "confirm")] == [
        ("Go on?", "local", False), ("Go on?", "local", True), ("Really?", "all of it", True),
    ]  # fmt: skip
    assert {e["operator"] for e in events(root, "confirm")} == {find_operator()}


def test_outside_of_a_notebook_there_is_nothing_to_close(root):
    book, _ = opened()
    assert "end of 01_network" in str(book.close())


def test_what_is_read_from_secrets_manager_is_in_no_file(root, aws):
    """Whatever the run writes down afterwards: in the journal, in a plan, in a table."""
    aws.client("secretsmanager").create_secret(Name="local/web", SecretString='{"password": "rd-4711-xyz"}')
    book, net = opened("apply")
    book.aws.secretsmanager.get_secret_value(SecretId="local/web")
    book.by_hand(net.bucket, "the password is rd-4711-xyz")
    assert [(e["reason"], e["redacted"]) for e in events(root, "by_hand")] == [("the password is [redacted]", 1)]


def test_a_blocked_change_stops_an_apply_before_its_first_write(root, aws, monkeypatch):
    """In its own stack, and in that of a later notebook of the same run, which the headless command names."""
    book, net = opened("apply")
    book.apply(ground(net))
    path = root / "params" / "local.yaml"
    text = path.read_text()
    path.write_text(text.replace("10.20.", "10.30."))
    book, net = opened("apply")
    with pytest.raises(Blocked, match=r"(?s)vpc\.main: AWS cannot change cidr in place.*Write the old"):
        book.plan(net)
    missing = "arn:aws:acm:us-west-2:123456789012:certificate/11111111-2222-3333-4444-555555555555"
    path.write_text(text)
    changed(root, compute={"certificate": {"arn": missing}})
    book, net = opened("apply")
    book.plan(net)  # alone, 01_network is not concerned
    monkeypatch.setenv("RUNBOOK_NOTEBOOKS", "01_network 03_compute")
    with pytest.raises(Blocked, match=rf"web: {missing} does not exist, and this runbook does not create it"):
        book.plan(net)


@pytest.mark.parametrize(
    ("name", "stack", "section", "wrong", "reason"),
    [
        ("02_data", data, "data", {"instance_class": "db.t3.nonsense"}, "RDS does not offer db.t3.nonsense"),
        ("03_compute", compute, "compute", {"instance_type": "t4g.nonsense"}, "EC2 does not offer t4g.nonsense"),
    ],
)
def test_what_aws_does_not_offer_stops_an_apply_before_its_first_write(root, aws, name, stack, section, wrong, reason):
    """A wrong class of the database or type of a server: with its reason, and the parameter to change."""
    changed(root, **{section: wrong})
    book = Runbook(name, env="local", mode="apply")
    with pytest.raises(Blocked, match=f"{reason} in us-west-2") as refused:
        book.plan(stack(book.params))
    assert f"{section}.{next(iter(wrong))}" in refused.value.fix
    assert [event for event in events(root, "call") if event.get("write")] == []


def test_the_command_says_that_the_class_is_not_offered(root, aws):
    """The whole way, through the notebook: exit code 1, and only the field that is wrong."""
    changed(root, data={"instance_class": "db.t3.nonsense"})
    output = CliRunner().invoke(cli.main, ["plan", "--env", "local", "--only", "02_data"])
    assert output.exit_code == 1
    assert "Blocked: this plan cannot be applied." in output.stderr
    plan = next(event for event in events(root, "plan") if event["count"].get("blocked"))
    (change,) = [one for one in plan["changes"] if one["action"] == "blocked"]
    assert change["fields"] == {"instance_class": [None, "db.t3.nonsense"]}
    assert "data.instance_class" in dict(plan["reasons"])["db_instance.database"]
    assert aws.client("rds").describe_db_subnet_groups()["DBSubnetGroups"] == []
