"""A web tier with what a deployment needs, made by plain calls."""

from embedded_aws.testing import eventually
from services.auto_scaling_group import WebGroup
from tests.support.trusted_keys import trust

TRUST = trust("codedeploy")


class Deploy(WebGroup):
    """A web tier with an application, a bundle and a role; the group `web` is created by a test."""

    def __init__(self, aws):
        super().__init__(aws)
        self.create()
        self.cd, self.s3 = aws.client("codedeploy"), aws.client("s3")
        self.role = aws.client("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        self.cd.create_application(applicationName="app", computePlatform="Server")
        self.s3.create_bucket(Bucket="bundles", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        self.s3.put_object(Bucket="bundles", Key="v1.zip", Body=b"one")

    def create_group(self, **changes):
        self.cd.create_deployment_group(
            **{
                "applicationName": "app",
                "deploymentGroupName": "web",
                "serviceRoleArn": self.role,
                "autoScalingGroups": ["web"],
            }
            | changes
        )
        return self.deployment_group()

    def deployment_group(self, name="web"):
        found = self.cd.get_deployment_group(applicationName="app", deploymentGroupName=name)
        return found["deploymentGroupInfo"]

    def deploy(self, key="v1.zip", **changes):
        """Start a deployment of a bundle; its id."""
        location = {"bucket": "bundles", "key": key, "bundleType": "zip"} | changes.pop("location", {})
        revision = {"revisionType": "S3", "s3Location": location}
        named = {"applicationName": "app", "deploymentGroupName": "web"}
        made = self.cd.create_deployment(**named | {"revision": revision} | changes)
        return made["deploymentId"]

    def ended(self, deployment):
        """The deployment, when it has ended."""

        def look():
            info = self.cd.get_deployment(deploymentId=deployment)["deploymentInfo"]
            return info if info["status"] in ("Succeeded", "Failed", "Stopped") else None

        return eventually(look)

    def target(self, deployment, instance):
        found = self.cd.get_deployment_target(deploymentId=deployment, targetId=instance)
        return found["deploymentTarget"]["instanceTarget"]
