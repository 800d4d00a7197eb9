"""The events that CodeDeploy publishes when a deployment changes its state.

https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
"""

from __future__ import annotations

from typing import Any

from embedded_aws.services.codedeploy.model import Deployment, Fields
from embedded_aws.services.events.delivery import publish

DETAIL_TYPE = "CodeDeploy Deployment State-change Notification"
STATES = {"InProgress": "START", "Succeeded": "SUCCESS", "Failed": "FAILURE", "Stopped": "STOP", "Ready": "READY"}


def publish_state(backend: Any, group: Fields, deployment: Deployment) -> None:
    """Publish the state of a deployment."""
    application, name = deployment.application_name, deployment.deployment_group_name
    detail = {
        "region": backend.region_name,
        "deploymentId": deployment.deployment_id,
        "instanceGroupId": group["deploymentGroupId"],
        "deploymentGroup": name,
        "application": application,
        "state": STATES[deployment.status],
    }
    resources = [backend._application_arn(application), backend._deployment_group_arn(application, name)]
    publish(backend.region_name, "aws.codedeploy", DETAIL_TYPE, resources, detail)
