"""Each row of the preflight fails once, through a run of a notebook, before anything is written."""

import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from runbook_lib import Runbook
from runbook_lib.aws.bucket_owner import name_owner
from runbook_lib.aws.connection import Connection
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.cli.main import main
from runbook_lib.cli.preflight_text import print_failed_rows, print_preflight
from runbook_lib.engine.preflight import permissions, usage
from runbook_lib.engine.preflight.quotas import ADDRESSES, VCPUS, VPCS, Quota, find_limit
from runbook_lib.engine.preflight.row import FAILED, NOT_ASKED, PASSED
from runbook_lib.errors import Blocked, NotOwned, ParamsError, PreflightFailed, RequestRejected, WrongAccount
from runbook_lib.evidence.report.page import write_report
from runbook_lib.journal.summary import summarize
from runbook_lib.stacks.compute import compute
from runbook_lib.stacks.data import data
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.support.roots import changed

_EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_EC2]})
STACKS = {"01_network": network, "02_data": data, "03_compute": compute}


def events(root, name):
    paths = sorted(root.glob("artifacts/local/*/journal.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    lines = [line for path in paths for line in path.read_text().splitlines()]
    return [event for line in lines if (event := json.loads(line))["event"] == name]


def writes(root):
    return [event for event in events(root, "call") if not event.get("error")]


def rows(root):
    """The rows of the last preflight, by name."""
    return {row["name"]: row for row in events(root, "preflight")[-1]["rows"]}


def foretold(root):
    """What the last plan does to what exists, by key."""
    return {change["key"]: change["action"] for change in events(root, "plan")[-1]["changes"]}


def plan(notebook, mode="plan", **more):
    book = Runbook(notebook, env="local", mode=mode, **more)
    book.plan(STACKS[notebook](book.params))


def refused(root, notebook, error=PreflightFailed, **more):
    """The rows of an apply that is refused before it writes, and what it said."""
    with pytest.raises(error) as stopped:
        plan(notebook, "apply", **more)
    assert writes(root) == []
    return rows(root), str(stopped.value)


def test_credentials_of_another_account(root):
    changed(root, account="999999999999")
    found, _ = refused(root, "01_network", WrongAccount)
    assert found["credentials"]["result"] == FAILED
    assert "123456789012" in found["credentials"]["finding"]


@pytest.mark.parametrize(("quota", "amount"), [(VPCS, 4), (ADDRESSES, 5)], ids=["vpcs", "addresses"])
def test_a_quota_that_the_account_has_used_up(root, aws, quota, amount):
    """What counts is what exists, whoever made it; the row names the command that asks for more."""
    ec2 = aws.client("ec2")
    for number in range(amount):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16") if quota is VPCS else ec2.allocate_address(Domain="vpc")
    found, text = refused(root, "01_network")
    row = found[f"quota: {quota.name}"]
    assert (row["result"], row["finding"]) == (FAILED, "5 in use, 1 more planned, the quota is 5")
    assert f"--quota-code {quota.code} --desired-value 6" in row["fix"]
    assert row["finding"] in text
    assert row["fix"] in text
    assert [name for name, one in found.items() if one["result"] == FAILED] == [f"quota: {quota.name}"]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("notebook", "code", "name", "used"),
    [
        ("01_network", "L-A4707A72", "internet gateways", 5),
        ("01_network", "L-FE5A380F", "NAT gateways in us-west-2a", 5),
        ("01_network", "L-E79EC296", "security groups", 2497),
        ("01_network", "L-0EA8095F", "inbound rules of security_group.alb", 59),
        ("02_data", "L-7B6409FD", "DB instances", 40),
        ("02_data", "L-7ADDB58A", "storage of DB instances", 99_990),
        ("03_compute", "L-53DA6B97", "application load balancers", 50),
        ("03_compute", "L-B22855CB", "target groups", 3000),
    ],
)
def test_every_other_quota(root, monkeypatch, notebook, code, name, used):
    """The count is replaced: nobody waits until 3000 target groups exist."""
    monkeypatch.setitem(usage.COUNTS, code, lambda snapshot, where: used)
    found, _ = refused(root, notebook)
    assert found[f"quota: {name}"]["result"] == FAILED
    assert found[f"quota: {name}"]["finding"].startswith(f"{used}")


def test_the_vcpus_of_the_family(root, aws, monkeypatch):
    """Servers of the group at its most, and the bastion; instances that run count, whoever launched them."""
    image = aws.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    aws.client("ec2").run_instances(ImageId=image, InstanceType="m5.12xlarge", MinCount=1, MaxCount=1)
    plan("03_compute")
    row = rows(root)["quota: vCPUs of standard instances on demand"]
    assert row["finding"].startswith("48 in use, 10 more planned")  # 4 of t4g.small and a t4g.nano, each of 2
    monkeypatch.setattr(usage, "count_vcpus", lambda snapshot, families: 64)
    found, _ = refused(root, "03_compute")
    assert found["quota: vCPUs of standard instances on demand"]["result"] == FAILED


def test_names_that_somebody_else_has_taken_are_all_named(root, aws):
    """The rest is planned beside them; the row of each says how it becomes free, or ours."""
    aws.client("iam").create_role(RoleName="local-flow-logs", AssumeRolePolicyDocument=TRUST)
    aws.client("logs").create_log_group(logGroupName="/runbook/local/flow-logs")
    aws.client("ec2").create_key_pair(KeyName="local-bastion")
    bucket = "local-runbook-123456789012-us-west-2"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "owner", "Value": "them"}]})
    found, text = refused(root, "01_network", Blocked)
    failed = {name for name, row in found.items() if row["result"] == FAILED}
    assert failed == {
        "name: role.flow-logs",
        "name: log_group.flow-logs",
        "name: key_pair.bastion",
        "name: bucket.runbook",
    }
    assert all(name.removeprefix("name: ") in text for name in failed)
    assert f"runbook adopt --env local bucket.runbook {bucket}" in found["name: bucket.runbook"]["fix"]


def test_a_launch_template_of_our_name_is_somebody_elses(root, aws):
    """It is known by its tags otherwise: AWS would have refused ours in the middle of an apply."""
    ec2 = aws.client("ec2")
    made = ec2.create_launch_template(LaunchTemplateName="local-web", LaunchTemplateData={"InstanceType": "t3.micro"})
    found, _ = refused(root, "03_compute", Blocked)
    row = found["name: launch_template.web"]
    id_ = made["LaunchTemplate"]["LaunchTemplateId"]
    assert (row["result"], row["finding"]) == (FAILED, f"{id_} has its name, and is not tagged as ours")
    assert f"runbook adopt --env local launch_template.web {id_}" in row["fix"]


def test_what_the_parameters_adopt_becomes_ours(root, aws):
    """With one apply; afterwards the parameters may say it or not."""
    role = aws.client("iam").create_role(RoleName="local-flow-logs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    (root / "params/local.yaml").write_text(
        (root / "params/local.yaml").read_text() + f"\nadopt: {{role.flow-logs: {role}}}\n"
    )
    book = Runbook("01_network", env="local", mode="apply")
    stack = STACKS["01_network"](book.params)
    book.plan(stack)
    keys = ("bucket.runbook", "role.flow-logs")
    book.apply(Stack("network.adopted", all=[resource for resource in stack if resource.key in keys]))
    tags = aws.client("iam").get_role(RoleName="local-flow-logs")["Role"]["Tags"]
    assert {"Key": "runbook:key", "Value": "role.flow-logs"} in tags


def test_a_destroy_takes_nothing_for_ours_because_the_parameters_adopt_it(root, aws):
    """It is ours once an apply has tagged it: a line in a file must not delete what somebody else made."""
    iam, ec2 = aws.client("iam"), aws.client("ec2")
    iam.create_role(RoleName="local-flow-logs", AssumeRolePolicyDocument=TRUST)
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    changed(root, adopt={"role.flow-logs": "local-flow-logs", "vpc.main": vpc})
    book = Runbook("01_network", env="local", mode="plan")
    book.destroy(network(book.params))
    assert foretold(root) == {"role.flow-logs": "blocked"}
    book = Runbook("01_network", env="local", mode="destroy", confirm="local")
    book.plan(network(book.params))
    assert foretold(root) == {"role.flow-logs": "blocked"}
    with pytest.raises(NotOwned, match=r"role\.flow-logs"):
        book.destroy(network(book.params))
    iam.delete_role(RoleName="local-flow-logs")
    book.destroy(network(book.params))
    assert vpc in [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]


@pytest.mark.parametrize(
    ("adopt", "told"),
    [
        ("{vpc.maim: vpc-1}", "vpc.maim is no resource of these parameters; did you mean vpc.main"),
        ("{vpc.main: x, subnet.a: x}", "x is adopted twice"),
        ("{vpc: x}", "adopt"),
    ],
)
def test_parameters_that_adopt_the_impossible_are_refused(root, adopt, told):
    path = root / "params/local.yaml"
    path.write_text(f"{path.read_text()}\nadopt: {adopt}\n")
    with pytest.raises(ParamsError, match=told):
        plan("01_network")


def test_a_bucket_of_another_account(root, aws, monkeypatch):
    """S3 answers 403 where the owner is not the one that every request of ours names."""
    where = {"LocationConstraint": "us-west-2"}
    aws.client("s3").create_bucket(Bucket="local-runbook-123456789012-us-west-2", CreateBucketConfiguration=where)
    monkeypatch.setattr("runbook_lib.aws.client.name_owner", lambda events, _: name_owner(events, "999999999999"))
    found, _ = refused(root, "01_network", RequestRejected)
    assert found["name: bucket.runbook"]["result"] == FAILED
    assert "belongs to another account" in found["name: bucket.runbook"]["finding"]


@pytest.mark.parametrize(
    ("notebook", "section", "fields", "key", "text"),
    [
        ("02_data", "data", {"instance_class": "db.t3.nonsense"}, "db_instance.database", "does not offer db.t3"),
        ("03_compute", "compute", {"instance_type": "t4g.nonsense"}, "launch_template.web", "does not offer t4g"),
        ("03_compute", "compute", {"image": "ami-0123456789abcdef0"}, "launch_template.web", "there is no image"),
    ],
)
def test_what_aws_does_not_offer(root, notebook, section, fields, key, text):
    """The plan knows it as a blocked change already: it is a row as well."""
    changed(root, **{section: fields})
    found, _ = refused(root, notebook, Blocked)
    assert found[f"offered: {key}"]["result"] == FAILED
    assert text in found[f"offered: {key}"]["finding"]


def test_what_aws_offers_is_told(root):
    """Of what is launched, and of nothing else."""
    found = {}
    for notebook in ("02_data", "03_compute"):
        plan(notebook)
        found |= {name: row for name, row in rows(root).items() if name.startswith("offered: ")}
    kinds = ("db_instance.database", "instance.bastion", "launch_template.web")
    assert {name: row["result"] for name, row in found.items()} == {f"offered: {key}": PASSED for key in kinds}
    assert found["offered: db_instance.database"]["finding"] == "AWS offers db.t4g.micro with MySQL 8.4"
    assert found["offered: launch_template.web"]["finding"].startswith("AWS offers t4g.small in us-west-2a, us-west-2b")


def test_a_certificate_that_is_not_issued(root, aws):
    """Nobody has validated it: the load balancer would not take it."""
    arn = aws.client("acm").request_certificate(DomainName="www.example.com", ValidationMethod="DNS")["CertificateArn"]
    changed(root, compute={"certificate": {"arn": arn}})
    found, _ = refused(root, "03_compute", Blocked)
    (row,) = [row for name, row in found.items() if name.startswith("certificate: ")]
    assert row["result"] == FAILED
    assert arn in row["finding"]


def with_zone(root, zone):
    changed(root, compute={"certificate": {"domain": "www.example.com", "hosted_zone": zone}})


def zone_row(found):
    return next(row for name, row in found.items() if "hosted_zone.web" in name)


def test_a_hosted_zone_that_is_not_ours(root):
    with_zone(root, "Z0123456789EXAMPLE")
    found, _ = refused(root, "03_compute", Blocked)
    assert zone_row(found)["result"] == FAILED
    assert "does not exist in this account" in zone_row(found)["finding"]


def test_a_hosted_zone_of_another_domain(root, aws):
    zone = aws.client("route53").create_hosted_zone(Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    with_zone(root, zone.rpartition("/")[2])
    found, _ = refused(root, "03_compute")
    assert zone_row(found)["result"] == FAILED
    assert "which www.example.com is not in" in zone_row(found)["finding"]


def test_a_private_hosted_zone(root, aws):
    vpc = aws.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zone = aws.client("route53").create_hosted_zone(
        Name="example.com", CallerReference="1", VPC={"VPCRegion": "us-west-2", "VPCId": vpc},
        HostedZoneConfig={"PrivateZone": True, "Comment": ""},
    )["HostedZone"]["Id"]  # fmt: skip
    with_zone(root, zone.rpartition("/")[2])
    found, _ = refused(root, "03_compute", ParamsError)
    assert zone_row(found)["result"] == FAILED
    assert "private zone" in zone_row(found)["finding"]


def test_subnets_that_are_too_small(root):
    """AWS keeps five addresses of each; the servers at their most do not fit into eleven."""
    zones = {
        "us-west-2a": {"public": "10.20.0.0/20", "private": "10.20.128.0/28"},
        "us-west-2b": {"public": "10.20.16.0/20", "private": "10.20.144.0/28"},
    }
    changed(root, network={"zones": zones}, compute={"max_per_zone": 12})
    found, _ = refused(root, "03_compute")
    row = found["addresses: subnet.private-us-west-2a"]
    assert (row["result"], row["finding"]) == (FAILED, "11 free in 10.20.128.0/28, 12 planned")


# ---------------------------------------------------------------------------------------------- permissions


@pytest.fixture
def user(aws, monkeypatch):
    """A person who signs in as a user of IAM; returns a function that gives her a policy."""
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    hers = Connection(aws.connection.endpoint_url, key["AccessKeyId"], key["SecretAccessKey"])
    monkeypatch.setattr("runbook_lib.aws.endpoints.connection", lambda *_: hers)

    def give(*statements):
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(document))

    return give


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def test_a_permission_that_is_missing(root, user):
    """It is named, with what it is about, although nobody has tried it."""
    user(ALL, {"Effect": "Deny", "Action": "ec2:CreateNatGateway", "Resource": "*"})
    found, text = refused(root, "01_network")
    row = found["permissions"]
    assert row["result"] == FAILED
    refusal = "ec2:CreateNatGateway on arn:aws:ec2:us-west-2:123456789012:elastic-ip/* (denied explicitly)"
    assert f"user/ann may not: {refusal}" in row["finding"]
    assert "runbook permissions" in text


def test_the_policy_that_the_command_prints_passes(root, user):
    """Nothing is asked for that it does not allow, under the conditions that it has."""
    printed = CliRunner().invoke(main, ["permissions", "--env", "local", "--verb", "apply"])
    user(*json.loads(printed.stdout)["Statement"])
    for notebook in STACKS:
        plan(notebook)
        assert rows(root)["permissions"]["result"] == PASSED, rows(root)["permissions"]["finding"]


def test_who_only_plans_needs_no_permission_to_write(root, user):
    """The role that makes plans is another one than the role that applies them."""
    user({"Effect": "Allow", "Action": ["ec2:Describe*", "iam:Simulate*"], "Resource": "*"})
    plan("01_network")
    row = rows(root)["permissions"]
    assert (row["result"], "may only look" in row["finding"]) == (NOT_ASKED, True)
    assert "permissions of EC2" not in rows(root)  # IAM has answered
    row = refused(root, "01_network")[0]["permissions"]
    assert (row["result"], "denied explicitly" in row["finding"]) == (FAILED, False)


class TestDryRuns:
    """EC2 is asked itself where IAM does not answer, as of the credentials of the embedded AWS."""

    @pytest.fixture
    def refuse(self, aws):
        """Let a call be refused, also a dry run of it."""

        def refuse(operation, code="UnauthorizedOperation", service="ec2"):
            rule = {"service": service, "operation": operation, "kind": "refuse", "code": code, "status": 403}
            aws.control("faults", rule)

        return refuse

    def test_what_ec2_would_do_is_told_and_not_done(self, root, aws):
        plan("01_network")
        row = rows(root)["permissions of EC2"]
        told = "a dry run was allowed: AllocateAddress, CreateInternetGateway, CreateVpc"
        assert (row["result"], row["finding"]) == (PASSED, told)
        ec2 = aws.client("ec2")
        assert ec2.describe_addresses()["Addresses"] == ec2.describe_internet_gateways()["InternetGateways"] == []
        assert len(ec2.describe_vpcs()["Vpcs"]) == 1
        assert [event for event in events(root, "call") if event["service"] == "ec2"] == []

    def test_what_ec2_refuses_stops_an_apply(self, root, refuse):
        refuse("AllocateAddress")
        found, text = refused(root, "01_network")
        row = found["permissions of EC2"]
        assert (row["result"], row["finding"]) == (FAILED, "a dry run was refused: AllocateAddress")
        assert row["finding"] in text
        assert "runbook permissions" in row["fix"]

    def test_who_may_only_look_makes_plans(self, root, refuse):
        refuse("[AC]*")
        plan("01_network")
        row = rows(root)["permissions of EC2"]
        assert (row["result"], "may only look" in row["finding"]) == (NOT_ASKED, True)

    def test_what_exists_is_named_to_ec2(self, root):
        """Of a VPC that is there, what is to be created in it: one of each kind."""
        book = Runbook("01_network", env="local", mode="apply")
        net = network(book.params)
        book.plan(net)
        book.apply(net.vpc)
        plan("01_network")
        dry = rows(root)["permissions of EC2"]["finding"]
        assert "CreateRouteTable, CreateSecurityGroup, CreateSubnet" in dry
        assert "CreateVpc," not in dry

    def test_an_answer_that_says_nothing_about_permissions_is_told(self, root, refuse):
        refuse("AllocateAddress", "Unavailable")
        plan("01_network")
        row = rows(root)["permissions of EC2"]
        told = "CreateInternetGateway, CreateVpc; could not be asked: AllocateAddress: Unavailable"
        assert (row["result"], row["finding"]) == (PASSED, f"a dry run was allowed: {told}")

    def test_where_iam_may_not_be_asked_ec2_is(self, root, user, refuse):
        user(ALL)
        refuse("SimulatePrincipalPolicy", "AccessDenied", "iam")
        plan("01_network")
        found = rows(root)
        assert (found["permissions"]["result"], "AccessDenied" in found["permissions"]["finding"]) == (NOT_ASKED, True)
        assert found["permissions of EC2"]["result"] == PASSED

    def test_where_iam_answers_ec2_is_not_asked(self, root, user):
        user(ALL)
        plan("01_network")
        assert "permissions of EC2" not in rows(root)


class TestWhoIsSimulated:
    @pytest.fixture
    def snapshot(self, door):
        return Snapshot(door)

    def test_an_assumed_role_is_the_role_itself(self, aws, snapshot):
        """STS leaves out the path of a role."""
        arn = aws.client("iam").create_role(RoleName="op", Path="/a/b/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        assert arn.endswith(":role/a/b/op")
        assert permissions.find_source(snapshot, "arn:aws:sts::123456789012:assumed-role/op/ann") == arn

    @pytest.mark.parametrize("who", ["iam::123456789012:root", "sts::123456789012:federated-user/ann"])
    def test_who_has_no_policies_to_simulate_could_not_be_asked(self, snapshot, who):
        (row,) = permissions.check_permissions(snapshot, f"arn:aws:{who}", [], only_plans=False)
        assert row.result == NOT_ASKED


def test_what_aws_refuses_to_answer_stops_nobody(root, monkeypatch):
    """The reason is in the row; the apply goes on."""

    def deny(*_):
        raise RequestRejected("GetServiceQuota was refused: AccessDenied.", fix="Ask for it.", code="AccessDenied")

    monkeypatch.setattr("runbook_lib.engine.preflight.quotas.find_limit", deny)
    plan("01_network", "apply")
    row = rows(root)["quota: VPCs"]
    assert (row["result"], "AccessDenied" in row["finding"]) == (NOT_ASKED, True)


def test_a_quota_that_was_never_applied_has_the_default(door, monkeypatch):
    """GetServiceQuota does not know it then."""
    snapshot = Snapshot(door)
    real = snapshot.get

    def get(service, operation, **request):
        return None if operation == "get_service_quota" else real(service, operation, **request)

    monkeypatch.setattr(snapshot, "get", get)
    assert find_limit(snapshot, VPCS) == 5
    assert find_limit(snapshot, Quota("ec2", "L-00000000", "nothing")) is None


def test_families_of_instance_types():
    assert VCPUS[usage.family_of("t4g.small")].code == "L-1216C47A"
    assert usage.family_of("mac2.metal") not in VCPUS


# ---------------------------------------------------------------------------------------------- the run


def test_a_failed_row_can_be_skipped_with_a_reason(root, monkeypatch):
    """The reason is in the evidence: journal, table and report."""
    monkeypatch.setitem(usage.COUNTS, "L-F678F1CE", lambda snapshot, where: 5)
    book = Runbook("01_network", env="local", mode="apply", skip_preflight="raised by phone")
    net = network(book.params)
    book.plan(net)
    book.apply(net.vpc)
    assert [event["skipped"] for event in events(root, "preflight")] == ["raised by phone"]
    assert writes(root)
    (folder,) = root.glob("artifacts/local/*")
    write_report(folder)
    assert "Failed rows did not stop the apply: raised by phone" in (folder / "report.html").read_text()
    assert "5 in use, 1 more planned" in (folder / "preflight.csv").read_text()
    assert json.loads((folder / "preflight.json").read_text())["skipped"] == "raised by phone"


def test_it_is_asked_before_a_write_also_where_nobody_planned(root, monkeypatch):
    """A person may run the cells in any order, or come back the next day."""
    monkeypatch.setitem(usage.COUNTS, "L-F678F1CE", lambda snapshot, where: 5)
    book = Runbook("01_network", env="local", mode="apply")
    net = network(book.params)
    with pytest.raises(PreflightFailed, match="quota: VPCs"):
        book.apply(net.vpc)
    with pytest.raises(PreflightFailed):  # still
        book.apply(net.vpc)
    assert writes(root) == []
    monkeypatch.setitem(usage.COUNTS, "L-F678F1CE", lambda snapshot, where: 1)
    book.apply(net.vpc)
    assert {event["key"] for event in events(root, "change")} == {"vpc.main", "default_security_group.main"}


def test_a_plan_without_changes_asks_nothing_more(root):
    """One row, and not one call beyond those of the plan."""
    book = Runbook("01_network", env="local", mode="apply")
    part = network(book.params).vpc
    book.plan(part)
    book.apply(part)
    book, calls = Runbook("01_network", env="local", mode="plan"), []
    book.aws._session.events.register("provide-client-params", lambda model, **_: calls.append(model.name))
    book._engine.plan(part, refresh=True)
    assert calls
    calls.clear()
    book._preflight.plan(part, tuple)
    assert calls == []
    assert [*rows(root)] == ["credentials"]


def test_a_small_plan_asks_for_what_it_needs_only(root):
    """Of a VPC: its quota and no other."""
    book = Runbook("01_network", env="local", mode="plan")
    book.plan(network(book.params).vpc)
    assert [*rows(root)] == ["credentials", "permissions", "permissions of EC2", "quota: VPCs", "names"]


def test_a_terminal_shows_it_first_within_80_columns(root, capsys):
    plan("01_network")
    (journal,) = root.glob("artifacts/local/*/journal.jsonl")
    summary = summarize(journal, "01_network")
    assert print_preflight([summary, summary], counts_only=False) is False
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "preflight: 13 passed, 1 could not be asked"
    assert "  ✓ quota: VPCs: 1 in use, 1 more planned, the quota is 5" in lines
    assert max(map(len, lines)) <= 100
    order = [json.loads(line)["event"] for line in journal.read_text().splitlines()]
    assert order.index("preflight") < order.index("plan")


def test_the_command_plans_with_it(root, aws):
    """The whole way, through the notebook: exit code 1, and the row with what to do; of an apply, the next module."""
    ec2 = aws.client("ec2")
    for number in range(4):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    done = CliRunner().invoke(main, ["plan", "--env", "local", "--only", "01_network"])
    assert done.exit_code == 1
    assert "✗ quota: VPCs: 5 in use, 1 more planned, the quota is 5" in " ".join(done.output.split())
    assert "--quota-code L-F678F1CE --desired-value 6" in " ".join(done.output.split())
    assert [found["name"] for found in rows(root).values() if found["result"] == FAILED] == ["quota: VPCs"]
    assert writes(root) == []
    assert len(ec2.describe_vpcs()["Vpcs"]) == 5


def test_an_apply_that_stops_at_something_else_shows_what_failed(capsys):
    """A blocked change, say, is told by its error already; a quota beside it is not."""
    rows = (
        ("credentials", PASSED, "ann", ""),
        ("name: role.web", FAILED, "the name is taken", "Adopt it."),
        ("quota: VPCs", FAILED, "5 in use", "Ask for more."),
    )
    print_failed_rows([SimpleNamespace(preflight=rows)] * 2, "role.web: the name is taken\n  → Adopt it.")
    assert capsys.readouterr().err.splitlines() == ["preflight: 2 failed", "  ✗ quota: VPCs: 5 in use → Ask for more."]
    print_failed_rows([SimpleNamespace(preflight=rows[:2])], "role.web: the name is taken\n  → Adopt it.")
    assert capsys.readouterr().err == ""
