"""Each row of the preflight fails through the real command: told, recorded, and before anything is written.

The command is a process of its own, as an operator's; what it has written is asked of the embedded AWS, not of itself.
"""

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import runbook_lib
from embedded_aws.client import control
from runbook_lib.engine.preflight.quotas import VCPUS
from runbook_lib.engine.preflight.usage import COUNTS
from runbook_lib.stacks.network import network
from runbook_lib.stacks.stack import Stack
from tests.support.call_recorder import Wire
from tests.support.roots import changed
from tests.support.stack_runs import PARAMS, Runs

BUCKET = "local-runbook-123456789012-us-west-2"
WHERE = {"LocationConstraint": "us-west-2"}
NETWORK, DATA, COMPUTE, DEPLOY = "01_network", "02_data", "03_compute", "04_deploy"


@dataclass
class Place:
    """What a case arranges: the account, and the root with the parameter files."""

    aws: object
    root: Path

    def client(self, service):
        return self.aws.client(service)

    def change(self, **sections):
        changed(self.root, **sections)

    def refuse(self, service, operation, code, **more):
        rule = {"service": service, "operation": operation, "kind": "refuse", "code": code, "status": 403}
        self.aws.control("faults", rule | more)

    @property
    def vpc(self):
        return self.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0][
            "VpcId"
        ]

    @property
    def subnets(self):
        found = self.client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["Subnets"]
        return [one["SubnetId"] for one in sorted(found, key=lambda one: one["AvailabilityZone"])]

    def gateway(self):
        ec2 = self.client("ec2")
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)


# ------------------------------------------------------------------------------------------ credentials, permissions


def unknown_credentials(place):
    place.refuse("sts", "GetCallerIdentity", "InvalidClientTokenId")


def a_denied_call(place):
    """Of a user of IAM: a package that is found first offers the endpoint with her credentials."""
    iam = place.client("iam")
    iam.create_user(UserName="ann")
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ec2:CreateNatGateway", "Resource": "*"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    packages = place.root / "packages"
    (packages / "of_ann-1.dist-info").mkdir(parents=True, exist_ok=True)
    (packages / "of_ann-1.dist-info/entry_points.txt").write_text("[runbook.endpoints]\nembedded = of_ann\n")
    (packages / "of_ann.py").write_text(ANNS_ENDPOINT.format(*(key[f"{name}Key{end}"] for name, end in KEYS)))
    return {"PYTHONPATH": str(packages)}


KEYS = (("Access", "Id"), ("SecretAccess", ""))
ANNS_ENDPOINT = """
from dataclasses import replace
from embedded_aws import endpoint
from embedded_aws.endpoint import check, require_saved
def connect(root, account=""):
    return replace(endpoint.connect(root), access_key={!r}, secret_key={!r})
"""


# -------------------------------------------------------------------------------------------------------- quotas


def vpcs(place):
    for number in range(4):  # the default VPC is the fifth
        place.client("ec2").create_vpc(CidrBlock=f"10.{number}.0.0/16")


def internet_gateways(place):
    for _ in range(5):
        place.client("ec2").create_internet_gateway()


def addresses(place):
    for _ in range(5):
        place.client("ec2").allocate_address(Domain="vpc")


def nat_gateways(place):
    for _ in range(5):
        place.client("ec2").create_nat_gateway(SubnetId=place.subnets[0], ConnectivityType="private")


def security_groups(place):
    ec2, vpc = place.client("ec2"), place.vpc
    for number in range(2500 - 4):  # the default group counts, and four are planned
        ec2.create_security_group(GroupName=f"group-{number}", Description="theirs", VpcId=vpc)


def rules(place):
    """Of a group of ours: somebody else has added them."""
    net = network(PARAMS)
    Runs(place.aws, place.root, Wire()).build(Stack("groups", all=(*net.bucket, *net.vpc, *net.security_groups)))
    ec2 = place.client("ec2")
    ours = [{"Name": "tag:runbook:key", "Values": ["security_group.alb"]}]
    (group,) = ec2.describe_security_groups(Filters=ours)["SecurityGroups"]
    theirs = {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "192.0.2.0/24"}]}
    permissions = [{**theirs, "FromPort": port, "ToPort": port} for port in range(1000, 1059)]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=permissions)


def load_balancers(place, name="theirs-{}", count=50):
    ec2 = place.client("ec2")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=place.vpc)
    for number in range(count):
        place.client("elbv2").create_load_balancer(Name=name.format(number), Subnets=place.subnets[:2])


def target_groups(place):
    elbv2, vpc = place.client("elbv2"), place.vpc
    for number in range(3000):
        elbv2.create_target_group(Name=f"theirs-{number}", Protocol="HTTP", Port=80, VpcId=vpc)


def databases(place, name="theirs-{}", count=40, gigabytes=20):
    for number in range(count):
        place.client("rds").create_db_instance(
            DBInstanceIdentifier=name.format(number), Engine="postgres", DBInstanceClass="db.m5.large",
            AllocatedStorage=gigabytes, MasterUsername="ann", MasterUserPassword="only-of-a-test",
        )  # fmt: skip


def storage(place):
    databases(place, count=2, gigabytes=50_000)


def vcpus(place):
    ec2 = place.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, InstanceType="m5.16xlarge", MinCount=1, MaxCount=1)


# --------------------------------------------------------------------------------------------------------- names


def their_bucket(place):
    s3 = place.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=WHERE)
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "owner", "Value": "them"}]})


def bucket_of_another_account(place):
    place.refuse("s3", "*", "AccessDenied")


def their_role(place):
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    place.client("iam").create_role(RoleName="local-flow-logs", AssumeRolePolicyDocument=document)


def their_log_group(place):
    place.client("logs").create_log_group(logGroupName="/runbook/local/flow-logs")


def their_database(place):
    databases(place, "local-database", 1)


def their_load_balancer(place):
    load_balancers(place, "local-web", 1)


def their_parameter(place):
    place.client("ssm").put_parameter(Name="/local/web/config", Value="{}", Type="String")


def their_provider(place):
    """An account has one of an issuer: it is used, if it has the audience."""
    url = "https://token.actions.githubusercontent.com"
    place.client("iam").create_open_id_connect_provider(Url=url, ClientIDList=["other"])
    place.change(github={"repository": "owner/name", "environments": ["local-deploy"]})


def another_with_our_tags(place):
    ours = {"runbook:owner": "runbook", "runbook:env": "local", "runbook:key": "vpc.main"}
    tags = [{"Key": key, "Value": value} for key, value in ours.items()]
    for number in range(2):
        place.client("ec2").create_vpc(
            CidrBlock=f"10.{number}.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}]
        )


# ---------------------------------------------------------------------------------- what AWS offers; what is given


def a_certificate(place):
    acm = place.client("acm")
    arn = acm.request_certificate(DomainName="www.example.com", ValidationMethod="DNS")["CertificateArn"]
    place.change(compute={"certificate": {"arn": arn}})
    return arn


def no_certificate(place):
    place.client("acm").delete_certificate(CertificateArn=a_certificate(place))


def zone(place, of, **more):
    made = place.client("route53").create_hosted_zone(Name=of, CallerReference="1", **more)["HostedZone"]["Id"]
    in_zone(place, made.rpartition("/")[2])


def in_zone(place, zone_id):
    place.change(compute={"certificate": {"domain": "www.example.com", "hosted_zone": zone_id}})


def private_zone(place):
    private = {"PrivateZone": True, "Comment": ""}
    zone(place, "example.com", VPC={"VPCRegion": "us-west-2", "VPCId": place.vpc}, HostedZoneConfig=private)


def a_small_subnet(place):
    zones = {
        "us-west-2a": {"public": "10.20.0.0/20", "private": "10.20.128.0/28"},
        "us-west-2b": {"public": "10.20.16.0/20", "private": "10.20.144.0/20"},
    }
    place.change(network={"zones": zones}, compute={"max_per_zone": 12})


@dataclass
class Case:
    """What makes one row fail.

    Args:
        code: Where the row is written, as :func:`written_rows` finds it; of a quota its code.
        row: Its name.
        finding: What it says, at least.
        fix: What it tells the operator to do, at least.
        arrange: Is given the place; may return environment variables of the command.
    """

    code: str
    row: str
    finding: str
    fix: str
    arrange: Callable[[Place], object]
    notebook: str = NETWORK
    sample: bool = False


def quota(code, name, finding, arrange, notebook=NETWORK, **more):
    return Case(code, f"quota: {name}", finding, f"--quota-code {code} --desired-value", arrange, notebook, **more)


def taken(key, arrange, notebook=NETWORK, **more):
    return Case(
        "names.check_names", f"name: {key}", "is taken by", f"adopt --env local {key}", arrange, notebook, **more
    )


def offered(key, finding, notebook, **parameters):
    return Case(
        "offers.check_offers", f"offered: {key}", finding, "", lambda place: place.change(**parameters), notebook
    )


CASES = {
    "account": Case(
        "preflight.record_refused_credentials", "credentials", "123456789012", "",
        lambda place: place.change(account="999999999999"),
    ),
    "credentials": Case(
        "preflight.record_refused_credentials", "credentials", "AWS does not accept these credentials", "Sign in again",
        unknown_credentials,
    ),
    "permissions": Case(
        "permissions.check_permissions", "permissions", "user/ann may not: ec2:CreateNatGateway", "runbook permissions",
        a_denied_call,
    ),
    "dry run": Case(
        "dry_runs.check_dry_runs", "permissions of EC2", "a dry run was refused: CreateVpc", "runbook permissions",
        lambda place: place.refuse("ec2", "CreateVpc", "UnauthorizedOperation"),
    ),
    "VPCs": quota("L-F678F1CE", "VPCs", "5 in use, 1 more planned, the quota is 5", vpcs, sample=True),
    "internet gateways": quota("L-A4707A72", "internet gateways", "5 in use, 1 more", internet_gateways),
    "addresses": quota("L-0263D0A3", "Elastic IP addresses", "5 in use, 1 more", addresses),
    "NAT gateways": quota("L-FE5A380F", "NAT gateways in us-west-2a", "5 in use, 1 more", nat_gateways),
    "security groups": quota("L-E79EC296", "security groups", "2497 in use, 4 more", security_groups),
    "rules": quota("L-0EA8095F", "inbound rules of security_group.alb", "59 in use, 2 more", rules),
    "load balancers": quota("L-53DA6B97", "application load balancers", "50 in use, 1 more", load_balancers, COMPUTE),
    "target groups": quota("L-B22855CB", "target groups", "3000 in use, 1 more", target_groups, COMPUTE),
    "databases": quota("L-7B6409FD", "DB instances", "40 in use, 1 more", databases, DATA),
    "storage": quota("L-7ADDB58A", "storage of DB instances", "100000 GB in use, 20 GB more", storage, DATA),
    "vCPUs": quota("L-1216C47A", "vCPUs of standard instances on demand", "64 in use, ", vcpus, COMPUTE),
    "bucket": taken("bucket.runbook", their_bucket),
    "role": taken("role.flow-logs", their_role),
    "log group": taken("log_group.flow-logs", their_log_group),
    "database": taken("db_instance.database", their_database, DATA),
    "load balancer": taken("load_balancer.web", their_load_balancer, COMPUTE),
    "parameter": taken("configuration_parameter.web/config", their_parameter, DEPLOY),
    "key pair": Case(
        "names.check_names", "name: key_pair.bastion", "has its name, and is not tagged as ours", "runbook adopt",
        lambda place: place.client("ec2").create_key_pair(KeyName="local-bastion") and None,
    ),
    "two with our tags": Case(
        "names.check_names", "name: vpc.main", "2 objects in AWS are tagged as vpc.main", "Remove the tag",
        another_with_our_tags,
    ),
    "bucket of another account": Case(
        "names._rejected", "name: bucket.runbook", f"the bucket {BUCKET} belongs to another account", "rename env",
        bucket_of_another_account,
    ),
    "provider of another audience": Case(
        "names.explain_failure", "name: open_id_connect_provider.github", "lacks the audience sts.amazonaws.com",
        "Ask its owner", their_provider, DEPLOY,
    ),
    "private hosted zone": Case(
        "names.explain_failure", "parameters: hosted_zone.web", "private zone", "", private_zone, COMPUTE
    ),
    "image": offered(
        "launch_template.web", "there is no image", COMPUTE,
        compute={"image": "ami-0123456789abcdef0", "bastion": "none"},
    ),
    "instance type": offered(
        "launch_template.web", "does not offer t4g.nonsense", COMPUTE, compute={"instance_type": "t4g.nonsense"}
    ),
    "bastion's type": offered(
        "instance.bastion", "does not offer t4g.nonsense", COMPUTE, compute={"bastion_type": "t4g.nonsense"}
    ),
    "database class": offered(
        "db_instance.database", "does not offer db.t3.nonsense", DATA, data={"instance_class": "db.t3.nonsense"}
    ),
    "no certificate": Case(
        "certificates._check_certificate", "certificate: ", "does not exist", "Have it issued", no_certificate, COMPUTE
    ),
    "certificate that is not issued": Case(
        "certificates._check_certificate", "certificate: ", "PENDING_VALIDATION", "Have it", a_certificate, COMPUTE
    ),
    "no hosted zone": Case(
        "certificates._check_zone", "hosted zone: hosted_zone.web", "does not exist in this account", "Write the id",
        lambda place: in_zone(place, "Z0123456789EXAMPLE"), COMPUTE,
    ),
    "hosted zone of another domain": Case(
        "certificates._check_zone", "hosted zone: hosted_zone.web", "which www.example.com is not in", "Write the id",
        lambda place: zone(place, "example.org"), COMPUTE,
    ),
    "free addresses": Case(
        "addresses.check_addresses", "addresses: subnet.private-us-west-2a", "11 free in 10.20.128.0/28, 12 planned",
        "Free some", a_small_subnet, COMPUTE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [name if case.sample else pytest.param(name, marks=pytest.mark.exhaustive) for name, case in CASES.items()]
)
def test_a_failed_row_refuses_the_apply(root, aws, name):
    """Exit code 1; the row on the screen and in the evidence; nothing has reached AWS."""
    case, place = CASES[name], Place(aws, root)
    variables = case.arrange(place)
    variables = variables if isinstance(variables, dict) else {}
    aws.control("faults", {"service": "s3", "operation": "Put*", "kind": "slow", "seconds": 0.01, "skip": 10**9})
    before = written(aws)
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib", "apply", "--env", "local", "--only", case.notebook],
        env={**os.environ, "RUNBOOK_ROOT": str(root), **variables}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert written(aws) == before
    (run,) = root.glob("artifacts/local/*/")
    rows = json.loads((run / "preflight.json").read_text())["rows"]
    failed = [row for row in rows if row["result"] == "failed"]
    assert [row["name"].startswith(case.row) for row in failed] == [True], failed
    (row,) = failed
    assert case.finding in row["finding"]
    assert case.fix in row["fix"]
    for text in (row["finding"], row["fix"]):
        assert " ".join(text.split()) in said
    assert ("--skip-preflight REASON" in said) == ("PreflightFailed" in said)
    assert case.row in (run / "report.html").read_text()


def written(aws):
    """What AWS has carried out: CloudTrail's history has every write but those to objects, which a rule counts."""
    last = [event["EventId"] for event in aws.client("cloudtrail").lookup_events(MaxResults=1)["Events"]]
    faults = control.call(aws.address, "GET", "faults")["faults"]
    return last, [fault["seen"] for fault in faults if fault["what"] == "s3:Put*"]


def written_rows():
    """Each place in the code that writes a failed row: module and function."""
    library = Path(runbook_lib.__file__).parent
    for path in (*sorted(library.glob("engine/preflight/*.py")), library / "runs/preflight.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
                rows = [call for call in calls if getattr(call.func, "id", "") == "Prerequisite"]
                failed = [row for row in rows if any(getattr(each, "id", "") == "FAILED" for each in row.args)]
                yield from [f"{path.stem}.{function.name}"] * len(failed)


def test_no_row_is_without_a_case():
    """A quota counts by its code, that of the vCPUs once for all families; anything else by where it is written."""
    covered = Counter(case.code for case in CASES.values())
    # A certificate that expires while a listener, which is changed otherwise, has it: nothing makes one expire here.
    assert Counter(written_rows()) - covered == {"quotas._compare": 1, "certificates._check_certificate": 1}
    quotas = {code for code in covered if code.startswith("L-")}
    assert quotas == COUNTS.keys() | {VCPUS["t"].code}
