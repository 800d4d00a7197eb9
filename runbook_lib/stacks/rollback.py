"""The function that rolls back what CodeDeploy does not, and the rule that calls it when a deployment ends."""

from __future__ import annotations

from pathlib import Path

from ..params import Params
from ..resources.base import Resource
from ..resources.bucket import LOCK, Bucket
from ..resources.deployment_group import DeploymentGroup
from ..resources.event_rule import EventRule
from ..resources.lambda_function import LambdaFunction
from ..resources.log_group import LogGroup
from ..resources.role import Role
from ..resources.role_policy import RolePolicy

_SOURCE = Path(__file__).parent / "functions" / "rollback.py"
_LEASE_SECONDS = 600
"""As in runs/lock_holder.py, which a stack may not import: a test compares both."""


def rollback(params: Params, group: DeploymentGroup, bucket: Bucket) -> tuple[Resource, ...]:
    """The function with its role, log group and rule; empty when the parameters do not ask for it."""
    if not params.deploy.rollback_function:
        return ()
    env, here = params.env, f"{params.region}:{params.account}"
    logs = LogGroup(name="rollback", path=f"/aws/lambda/{env}-rollback", days=params.app.log_days)
    # No source: a role cannot be passed to another account's function, and Lambda documents none in its requests.
    role = Role(
        name="rollback",
        service="lambda.amazonaws.com",
        inline_policies=("rollback-deploy", "rollback-lock", "rollback-bucket", "rollback-logs"),
        boundary=params.permissions_boundary,
    )
    name = f"{env}-{group.application.name}"
    deploys = (
        f"arn:aws:codedeploy:{here}:deploymentgroup:{name}/{env}-{group.name}",
        f"arn:aws:codedeploy:{here}:application:{name}",
        f"arn:aws:codedeploy:{here}:deploymentconfig:{group.configuration}",
    )
    actions = (
        "codedeploy:BatchGetDeployments", "codedeploy:CreateDeployment", "codedeploy:GetApplicationRevision",
        "codedeploy:GetDeployment", "codedeploy:GetDeploymentConfig", "codedeploy:ListDeployments",
        "codedeploy:RegisterApplicationRevision",
    )  # fmt: skip
    permissions = (
        RolePolicy(name="rollback-deploy", role=role, actions=actions, on=deploys),
        RolePolicy(
            name="rollback-lock", role=role, actions=("s3:GetObject",), on=((f"arn:aws:s3:::{{}}/{LOCK}", bucket),)
        ),
        # S3 says that an object is missing only to those who may list the bucket.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
        RolePolicy(name="rollback-bucket", role=role, actions=("s3:ListBucket",), on=(("arn:aws:s3:::{}", bucket),)),
        RolePolicy(
            name="rollback-logs", role=role, actions=("logs:CreateLogStream", "logs:PutLogEvents"), on=(("{}:*", logs),)
        ),
    )
    function = LambdaFunction(
        name="rollback",
        role=role,
        permissions=permissions,
        logs=logs,
        source=_SOURCE,
        variables=(
            ("BUCKET", bucket.name_in(env, params.account, params.region)),
            ("LEASE_SECONDS", str(_LEASE_SECONDS)),
            ("LOCK", LOCK),
        ),
    )
    rule = EventRule(
        name="rollback",
        function=function,
        source="aws.codedeploy",
        detail_type="CodeDeploy Deployment State-change Notification",
        detail=(
            ("application", (name,)),
            ("deploymentGroup", (f"{env}-{group.name}",)),
            ("state", ("FAILURE", "STOP", "SUCCESS")),
        ),
    )
    return logs, role, *permissions, function, rule
