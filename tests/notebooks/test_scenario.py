"""The whole runbook for real: built, found unchanged, put back after somebody's hand, and gone without a trace.

One environment, one story, told in order; each chapter is a test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import nbformat
import pytest

import runbook_lib
from runbook_lib.journal import intact
from runbook_lib.local import connection, process

REPOSITORY = Path(runbook_lib.__file__).parents[1]
NOTEBOOKS = ("01_network", "02_data", "03_compute", "04_deploy")


@dataclass
class Operator:
    """Somebody at a shell in an empty folder, with an environment of their own."""

    root: Path

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"RUNBOOK_ROOT": str(self.root)}
        return subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            capture_output=True, text=True, timeout=240, check=False, cwd=cwd or self.root, env=environment,
        )  # fmt: skip

    def runbook(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("runbook", *arguments)

    def aws(self, service: str):
        there = connection("local", "embedded", self.root)
        return boto3.client(
            service, endpoint_url=there.endpoint_url, region_name="us-west-2",
            aws_access_key_id=there.access_key, aws_secret_access_key=there.secret_key,
        )  # fmt: skip

    def last(self, mode: str) -> Path:
        """The evidence of the last run of that mode."""
        return sorted((self.root / "artifacts" / "local").glob(f"*-{mode}-*"))[-1]

    def secrets(self) -> list[str]:
        """Everything that must never be seen: what Secrets Manager holds, field by field."""
        client = self.aws("secretsmanager")
        found = []
        for entry in client.list_secrets()["SecretList"]:
            text = client.get_secret_value(SecretId=entry["ARN"])["SecretString"]
            try:
                found += [value for name, value in json.loads(text).items() if name != "username"]
            except ValueError:
                found += [line for line in text.splitlines() if len(line) > 30]
        return found

    def inventory(self) -> dict[str, list[str]]:
        """What there is in the account, by kind, default things included."""
        ec2, iam = self.aws("ec2"), self.aws("iam")
        running = ("pending", "running", "stopping", "stopped")
        instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
        tagged = self.aws("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
        return {
            "vpcs": [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]],
            "subnets": [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]],
            "groups": [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]],
            "addresses": [a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]],
            "gateways": [g["InternetGatewayId"] for g in ec2.describe_internet_gateways()["InternetGateways"]],
            "nats": [n["NatGatewayId"] for n in ec2.describe_nat_gateways()["NatGateways"] if n["State"] != "deleted"],
            "tables": [t["RouteTableId"] for t in ec2.describe_route_tables()["RouteTables"]],
            "keys": [k["KeyName"] for k in ec2.describe_key_pairs()["KeyPairs"]],
            "templates": [t["LaunchTemplateId"] for t in ec2.describe_launch_templates()["LaunchTemplates"]],
            "instances": [i["InstanceId"] for i in instances if i["State"]["Name"] in running],
            "interfaces": [n["NetworkInterfaceId"] for n in ec2.describe_network_interfaces()["NetworkInterfaces"]],
            "volumes": [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]],
            "endpoints": [e["VpcEndpointId"] for e in ec2.describe_vpc_endpoints()["VpcEndpoints"]],
            "flow logs": [f["FlowLogId"] for f in ec2.describe_flow_logs()["FlowLogs"]],
            "balancers": [b["LoadBalancerArn"] for b in self.aws("elbv2").describe_load_balancers()["LoadBalancers"]],
            "targets": [t["TargetGroupArn"] for t in self.aws("elbv2").describe_target_groups()["TargetGroups"]],
            "scaling": [
                g["AutoScalingGroupARN"]
                for g in self.aws("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
            ],
            "databases": [d["DBInstanceArn"] for d in self.aws("rds").describe_db_instances()["DBInstances"]],
            "subnet groups": self.aws("rds").describe_db_subnet_groups()["DBSubnetGroups"],
            "certificates": self.aws("acm").list_certificates()["CertificateSummaryList"],
            "secrets": [s["ARN"] for s in self.aws("secretsmanager").list_secrets()["SecretList"]],
            "buckets": [b["Name"] for b in self.aws("s3").list_buckets()["Buckets"]],
            "logs": [g["logGroupName"] for g in self.aws("logs").describe_log_groups()["logGroups"]],
            "roles": [r["Arn"] for r in iam.list_roles()["Roles"]],
            "profiles": [p["Arn"] for p in iam.list_instance_profiles()["InstanceProfiles"]],
            "applications": self.aws("codedeploy").list_applications()["applications"],
            "tagged": [t["ResourceARN"] for t in tagged],
        }  # fmt: skip


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    root = tmp_path_factory.mktemp("operator")
    shutil.copytree(REPOSITORY / "params", root / "params")
    try:
        yield Operator(root)
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


def drifted(operator):
    """Somebody works in the console: a rule goes, a stranger comes, sizes and guards change."""
    ec2, elb = operator.aws("ec2"), operator.aws("elbv2")
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    (mysql,) = [r for r in rules if r.get("FromPort") == 3306 and not r["IsEgress"]]
    ec2.revoke_security_group_ingress(GroupId=mysql["GroupId"], SecurityGroupRuleIds=[mysql["SecurityGroupRuleId"]])
    world = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=mysql["GroupId"], IpPermissions=[world])
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


def test_it_builds_the_whole_stack(operator, built):
    """Exit 0; it says what was built, that nothing differs, where the site is and where the evidence lies."""
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Verified: no difference in 01_network, 02_data, 03_compute, 04_deploy." in built.stdout
    assert "The site: https://" in built.stdout
    assert f"Evidence: {operator.last('apply')}" in built.stdout
    for kind in ("vpc", "4 × subnet", "db_instance", "load_balancer", "auto_scaling_group", "release"):
        assert kind in built.stdout


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
    assert intact(folder / "journal.jsonl")
    events = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    assert {e["change"] for e in events if e["event"] == "open"} == {"CHG0012345"}
    assert {e["ok"] for e in events if e["event"] == "verify"} == {True}


def test_a_second_apply_changes_nothing_and_says_so(operator, built):
    """Also after the embedded AWS was ended and started again: the account is kept as it was."""
    process.stop(operator.root)
    again = operator.runbook("apply", "--env", "local")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing was changed: all of it is as asked for." in again.stdout
    plan = operator.runbook("plan", "--env", "local", "--detailed-exitcode")
    assert (plan.returncode, plan.stdout.count("nothing to do")) == (0, 4)


def test_what_somebody_did_by_hand_is_planned_and_mended(operator, built):
    """Plan shows exactly it and exits with 3; verify fails; apply mends it and nothing else."""
    drifted(operator)
    plan = operator.runbook("plan", "--env", "local", "--detailed-exitcode")
    assert plan.returncode == 3, plan.stdout + plan.stderr
    planned = [json.loads(p.read_text())["plan"] for p in operator.last("plan").glob("plans/*-apply-*.json")]
    assert {c["key"]: c["action"] for p in planned for c in p["changes"]} == MENDED
    verify = operator.runbook("verify", "--env", "local", "--only", "01_network")
    assert verify.returncode == 1
    assert "strangers" in verify.stderr + verify.stdout
    assert "Apply it, or correct params/." in verify.stderr + verify.stdout
    mended = operator.runbook("apply", "--env", "local")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert f"{len(MENDED)} changes made:" in mended.stdout


def test_papermill_alone_does_the_same_from_anywhere(operator, built, tmp_path):
    """With -p, or with a whole parameter file; what nobody listens to is an error."""
    source = str(REPOSITORY / "notebooks" / "01_network.ipynb")
    for given in (["-p", "env", "local"], ["-f", str(operator.root / "params" / "local.yaml")]):
        done = operator.run("papermill", source, "OUT.ipynb", *given, "-p", "mode", "plan", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "Nothing to do." in (tmp_path / "OUT.ipynb").read_text(encoding="utf-8")
    wrong = operator.run("papermill", source, "OUT.ipynb", "-p", "mod", "plan", cwd=tmp_path)
    assert wrong.returncode != 0
    assert "mod: there is no such parameter; did you mean mode" in wrong.stderr


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
    again = operator.runbook("destroy", "--env", "local", "--confirm", "local")
    assert (again.returncode, "There was nothing to remove." in again.stdout) == (0, True)


def test_no_secret_is_anywhere_in_the_evidence(operator, secrets):
    """Of the whole story: no password and no line of the private key, in any notebook, page, table, plan or journal."""
    assert len(secrets) > 5
    text = {p: p.read_text(encoding="utf-8") for p in (operator.root / "artifacts").rglob("*") if p.is_file()}
    assert {path.suffix for path in text} == {".ipynb", ".html", ".csv", ".json", ".jsonl"}
    assert [path for path, content in text.items() if any(secret in content for secret in secrets)] == []
    assert [path for path, content in text.items() if "PRIVATE KEY" in content] == []
