"""An account in this process, with a fleet; a test calls the ticks that the server's ticker would."""

import base64
import time

import boto3

from embedded_aws.account import backends
from embedded_aws.hosts.deployer import FleetDeployer
from embedded_aws.hosts.fleet import Fleet
from embedded_aws.hosts.traffic import Traffic, moto_state
from embedded_aws.services.autoscaling import capacity, launching
from embedded_aws.services.codedeploy import progress
from embedded_aws.settings import REGION
from hosts.bundle import BOOT
from services.auto_scaling_group import WebGroup
from tests.support.trusted_keys import trust

TRUST = trust("codedeploy")
TRAFFIC = {"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
SESSION = boto3.session.Session(region_name=REGION)  # one for all tests: it reads each service's model once
ENDED = ("Succeeded", "Failed", "Stopped")


class Cloud(WebGroup):
    """A web tier of two hosts, an application, and a deployment group `web` behind the target group."""

    def __init__(self, folder, registry, monkeypatch):
        super().__init__(self)
        self.health = {}  # by instance: what is answered instead of moto's opinion
        self.folder, self.registry = folder, registry
        self.new_fleet(monkeypatch)
        self.cd, self.s3 = self.client("codedeploy"), self.client("s3")
        self.role = self.client("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        self.cd.create_application(applicationName="app", computePlatform="Server")
        self.s3.create_bucket(Bucket="bundles", CreateBucketConfiguration={"LocationConstraint": REGION})

    def client(self, service):
        return SESSION.client(service)

    def new_fleet(self, monkeypatch):
        """Create a fleet, as a started or restarted server does."""
        self.use_fleet(Fleet(self.folder, self.registry, lambda: "http://127.0.0.1:1"), monkeypatch)

    def use_fleet(self, fleet, monkeypatch):
        self.fleet = fleet
        self.traffic = Traffic(self.state, timeout=1.0)
        monkeypatch.setattr(progress, "deployer", FleetDeployer(self.fleet, self.traffic))

    def state(self, arn, instance_id):
        return self.health.get(instance_id) or moto_state(arn, instance_id)

    def launch(self, user_data=BOOT, **changes):
        """Create the Auto Scaling group and the deployment group."""
        data = self.data(UserData=base64.b64encode(user_data.encode()).decode())
        self.ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData=data)
        self.create()
        self.cd.create_deployment_group(
            applicationName="app",
            deploymentGroupName="web",
            serviceRoleArn=self.role,
            autoScalingGroups=["web"],
            **changes,
        )

    def deploy(self, content, key="v1.zip", **more):
        self.s3.put_object(Bucket="bundles", Key=key, Body=content)
        location = {"bucket": "bundles", "key": key, "bundleType": "zip"}
        revision = {"revisionType": "S3", "s3Location": location}
        made = self.cd.create_deployment(applicationName="app", deploymentGroupName="web", revision=revision, **more)
        return made["deploymentId"]

    def info(self, deployment):
        return self.cd.get_deployment(deploymentId=deployment)["deploymentInfo"]

    def ended(self, deployment):
        self.until(lambda: self.info(deployment)["status"] in ENDED)
        return self.info(deployment)

    def events(self, deployment, instance):
        found = self.cd.get_deployment_target(deploymentId=deployment, targetId=instance)["deploymentTarget"]
        return {event["lifecycleEventName"]: event for event in found["instanceTarget"]["lifecycleEvents"]}

    def tick(self):
        """Run one round of the server's ticker."""
        self.fleet.tick()
        progress.tick()
        launching.tick(capacity.register, capacity.abandon)

    def until(self, check, within=30.0):
        """Tick until `check` returns a true value; return it."""
        deadline = time.monotonic() + within
        while not (value := check()):
            assert time.monotonic() < deadline, f"still {value!r} after {within} s"
            self.tick()
            time.sleep(0.02)
        return value

    def up(self):
        """Wait until all members have booted; return their ids."""
        self.until(lambda: all(self.fleet.booted(name) for name in self.members()))
        return list(self.members())

    def launch_one(self):
        """Let Auto Scaling launch one more instance; return its state."""
        group = backends.backend("autoscaling").autoscaling_groups["web"]
        known = set(self.members())
        group.desired_capacity += 1
        capacity.scale_to_desired(group, "a test")
        return next(state for state in group.instance_states if state.instance.id not in known)
