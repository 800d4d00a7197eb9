"""A site as the runbook builds it, created by plain calls: load balancer, listeners, target group and instances."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_aws.client import process
from embedded_aws.testing import LocalAws, eventually
from services.network import Network
from services.self_signed_certificate import self_signed

TESTS = Path(__file__).resolve().parents[1]


@contextmanager
def wired(root):
    """Start an embedded AWS with the load balancer, and end it afterwards."""
    (root / "apps.json").write_text("{}")
    with (root / "log").open("ab") as log:
        command = [sys.executable, "-m", "load_balancer.wired", str(root)]
        child = subprocess.Popen(command, cwd=TESTS, stdout=log, stderr=log, start_new_session=True)
    try:
        eventually(lambda: process.find(root) or child.poll() is not None, within=60)
        yield LocalAws(root, process.find(root).connection)
    finally:
        child.terminate()
        try:
            child.wait(20)
        finally:
            child.kill()


@dataclass
class Answer:
    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def request(self) -> dict[str, Any]:
        """The request as the application received it."""
        told = json.loads(self.body)
        return {**told, "headers": {name.lower(): value for name, value in told["headers"]}}


class Site:
    """A load balancer `web` with HTTPS and a redirect to it, and a target group `web`; instances on demand."""

    def __init__(self, aws):
        self.aws, self.network = aws, Network(aws)
        self.ec2, self.elb, self.acm = (aws.client(service) for service in ("ec2", "elbv2", "acm"))
        self.apps: dict[str, int] = {}
        self._route()
        self.web, self.alb = self.network.group, self.network.security_group("alb")
        self.allow(self.alb, 443, CidrIp="0.0.0.0/0")
        self.allow(self.alb, 80, CidrIp="0.0.0.0/0")
        self.allow(self.web, 8080, group=self.alb)
        self.balancer = self._balancer()
        self.group = self._group()
        self.certificate = self.acm.import_certificate(**self_signed("web.local.test", "localhost"))["CertificateArn"]
        self.https = self.listener(443, "HTTPS", {"Type": "forward", "TargetGroupArn": self.group})
        to_https = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
        self.http = self.listener(80, "HTTP", {"Type": "redirect", "RedirectConfig": to_https})

    def _route(self):
        table = self.network.route_table()
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.network.gateway)
        for subnet in self.network.subnets:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)

    def _balancer(self):
        made = self.elb.create_load_balancer(Name="web", Subnets=self.network.subnets, SecurityGroups=[self.alb])
        return made["LoadBalancers"][0]["LoadBalancerArn"]

    def _group(self):
        check = {"HealthCheckPath": "/healthz", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2}
        limits = {"HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200"}}
        made = self.elb.create_target_group(
            Name="web", Protocol="HTTP", Port=8080, VpcId=self.network.vpc, **check, **limits
        )
        return made["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, port, protocol, action):
        more = {"Certificates": [{"CertificateArn": self.certificate}]} if protocol == "HTTPS" else {}
        made = self.elb.create_listener(
            LoadBalancerArn=self.balancer, Port=port, Protocol=protocol, DefaultActions=[action], **more
        )
        return made["Listeners"][0]["ListenerArn"]

    def allow(self, to, port, **source):
        """Add an ingress rule: `group` is another security group, `CidrIp` a range."""
        self.ec2.authorize_security_group_ingress(GroupId=to, IpPermissions=[permission(port, **source)])

    def forbid(self, to, port, **source):
        self.ec2.revoke_security_group_ingress(GroupId=to, IpPermissions=[permission(port, **source)])

    def instance(self, app=None, zone=0):
        """Launch an instance with this application, without registering it."""
        made = self.network.instance(SubnetId=self.network.subnets[zone], SecurityGroupIds=[self.web])
        self.set_app(made["InstanceId"], app)
        return made["InstanceId"]

    def set_app(self, instance_id, app):
        """Let an instance have this application from now on."""
        self.apps[instance_id] = app.port if app else None
        draft = self.aws.root / "apps.new"
        draft.write_text(json.dumps(self.apps))
        draft.replace(self.aws.root / "apps.json")

    def register(self, *instances):
        self.elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": found} for found in instances])

    def deregister(self, *instances):
        self.elb.deregister_targets(TargetGroupArn=self.group, Targets=[{"Id": found} for found in instances])

    def serve(self, *apps):
        """Launch instances with these applications; wait until they are healthy and the listener is open."""
        instances = [self.instance(app, number % 2) for number, app in enumerate(apps)]
        self.register(*instances)
        eventually(lambda: all(self.health(found)[0] == "healthy" for found in instances))
        eventually(lambda: self.open(443))
        return instances

    def health(self, instance_id):
        """Return a target's state, reason and description."""
        found = self.elb.describe_target_health(TargetGroupArn=self.group, Targets=[{"Id": instance_id}])
        told = found["TargetHealthDescriptions"][0]["TargetHealth"]
        return told["State"], told.get("Reason"), told.get("Description")

    def targets(self):
        """Return the states of all targets that are described without being named."""
        found = self.elb.describe_target_health(TargetGroupArn=self.group)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in found}

    @property
    def folder(self):
        return self.aws.root / ".runbook" / "local" / "balancer"

    def port(self, port):
        """Return the local port of a listener."""
        return json.loads((self.folder / "ports.json").read_text()).get(f"web:{port}")

    def open(self, port):
        """Whether a listener listens."""
        try:
            with socket.create_connection(("127.0.0.1", self.port(port)), timeout=5):
                return True
        except (OSError, TypeError):
            return False

    def trust(self):
        """Return the TLS context of a client that trusts the load balancer's certificate file."""
        return ssl.create_default_context(cafile=str(self.folder / "web.pem"))

    def connect(self):
        """Open an HTTPS connection, as a browser or curl does."""
        return http.client.HTTPSConnection("localhost", self.port(443), timeout=20, context=self.trust())

    def ask(self, method="GET", path="/", body=None, headers=None, connection=None):
        """Send one request by HTTPS."""
        call = connection or self.connect()
        try:
            call.request(method, path, body=body, headers=headers or {})
            found = call.getresponse()
            return Answer(found.status, found.reason, found.headers, found.read())
        finally:
            if connection is None:
                call.close()

    def set(self, **attributes):
        """Set attributes of the load balancer; __ in a name is a dot."""
        changes = [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]
        self.elb.modify_load_balancer_attributes(LoadBalancerArn=self.balancer, Attributes=changes)


def permission(port, group=None, **block):
    source = {"UserIdGroupPairs": [{"GroupId": group}]} if group else {"IpRanges": [block]}
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
