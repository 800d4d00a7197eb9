"""Somebody at a shell, and somebody at a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import urlencode

import boto3

import runbook_lib
from embedded_aws.client import control, process
from runbook_lib.aws.endpoints import connection
from tests.support.sample import SAMPLE

REPOSITORY = Path(runbook_lib.__file__).parents[1]


@dataclass
class Operator:
    """Somebody at a shell in an empty folder, with an environment of their own.

    Args:
        code: The checkout, with an application in `webapp/`.
    """

    root: Path
    code: Path = REPOSITORY

    @classmethod
    def of_sample(cls, root: Path, into: Path) -> Operator:
        """Somebody whose checkout *into* has the tests' own application, whatever is in ours."""
        for part in ("runbook_lib", "notebooks"):
            shutil.copytree(REPOSITORY / part, into / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(SAMPLE, into / "webapp")
        return cls(root, into)

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RUNBOOK_"))}
        path = os.pathsep.join(filter(None, [str(self.code), os.environ.get("PYTHONPATH")]))
        environment |= {"RUNBOOK_ROOT": str(self.root), "PYTHONPATH": path}
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

    def status(self) -> dict[str, Any]:
        """What runs under the account."""
        return control.call(process.ensure(self.root), "POST", "status")

    def edited(self, into: Path, change: Callable[[Path], None]) -> Operator:
        """The same operator with another version of the application: `change` edits a copy of `webapp/`."""
        for part in ("runbook_lib", "notebooks", "webapp"):
            shutil.copytree(self.code / part, into / part, ignore=shutil.ignore_patterns("__pycache__"))
        change(into / "webapp")
        return Operator(self.root, into)

    def first(self, mode: str) -> Path:
        """The evidence of the first run of that mode."""
        return sorted(path for path in (self.root / "artifacts" / "local").glob(f"*-{mode}-*") if path.is_dir())[0]

    def last(self, mode: str) -> Path:
        """The evidence of the last run of that mode."""
        return sorted(path for path in (self.root / "artifacts" / "local").glob(f"*-{mode}-*") if path.is_dir())[-1]

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
            "secrets": self._secrets(),
            "buckets": [b["Name"] for b in self.aws("s3").list_buckets()["Buckets"]],
            "logs": [g["logGroupName"] for g in self.aws("logs").describe_log_groups()["logGroups"]],
            # A service's own role stays in the account, for others too.
            "roles": [r["Arn"] for r in iam.list_roles()["Roles"] if not r["Path"].startswith("/aws-service-role/")],
            "profiles": [p["Arn"] for p in iam.list_instance_profiles()["InstanceProfiles"]],
            "applications": self.aws("codedeploy").list_applications()["applications"],
            "tagged": [t["ResourceARN"] for t in tagged],
        }  # fmt: skip

    def _secrets(self) -> list[str]:
        """The list holds deleted secrets for some time."""
        client, found = self.aws("secretsmanager"), []
        for entry in client.list_secrets()["SecretList"]:
            with suppress(client.exceptions.ResourceNotFoundException):
                found.append(client.describe_secret(SecretId=entry["ARN"])["ARN"])
        return found


class Visitor:
    """At the site that `runbook local status` names, trusting nothing but the certificate that it names.

    Whoever wants to know of each answer, also of those that never came, gives a function to note them.
    """

    def __init__(self, site: dict[str, str], note: Callable[[object], None] = lambda _: None) -> None:
        self.url, self._note = site["url"], note
        self._port = int(self.url.rstrip("/").rpartition(":")[2])
        self._trusted = ssl.create_default_context(cafile=site["certificate"])
        self._trusted.verify_flags |= ssl.VERIFY_X509_STRICT
        self._connection: http.client.HTTPSConnection | None = None
        self._cookies: dict[str, str] = {}

    def get(self, path: str = "/") -> tuple[int, str]:
        """The status and the text of a page."""
        return self._ask("GET", path)

    def submit(self, page: str, path: str, **fields: str) -> tuple[int, str]:
        """Open a page, fill in its form and send it."""
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', self.get(page)[1])
        assert token, f"{page} has no form"
        return self._ask("POST", path, urlencode({"csrf_token": token[1], **fields}))

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """One request on a connection that is kept; after a failure the next one begins anew."""
        self._connection = self._connection or http.client.HTTPSConnection(
            "localhost", self._port, context=self._trusted, timeout=30
        )
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url.rstrip("/")} if body else {}
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            self._note(repr(error))
            raise
        self._note(answer.status)
        for set_cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = set_cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.status, text


class Crowd:
    """Visitors who ask for the page again and again until they are stopped."""

    def __init__(self, site: dict[str, str], visitors: int = 4, pause: float = 0.05) -> None:
        self.answers: Counter[object] = Counter()
        self.visitors = visitors
        self.site, self.pause, self.over, self._lock = site, pause, Event(), Lock()
        self._threads = [Thread(target=self.visit, args=(number,)) for number in range(1, visitors + 1)]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def visit(self, number: int) -> None:
        """What one visitor does."""
        visitor = Visitor(self.site, self.note)
        while not self.over.wait(self.pause):
            with suppress(OSError, http.client.HTTPException):
                visitor.get()

    def note(self, answer: object) -> None:
        """Count an answer."""
        with self._lock:
            self.answers[answer] += 1
