"""Deployments: created, described, listed and stopped."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy import configs, groups, revisions
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Fields, new_id, page

SENT = (
    *("description", "ignoreApplicationStopFailures", "targetInstances", "updateOutdatedInstancesOnly"),
    *("fileExistsBehavior", "overrideAlarmConfiguration"),
)
# Who asks for a deployment.
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html (creator)
USER, AUTO_SCALING, ROLLBACK, AUTO_UPDATE = "user", "autoscaling", "codeDeployRollback", "CodeDeployAutoUpdate"
OF_GROUP = ("deploymentStyle", "blueGreenDeploymentConfiguration", "loadBalancerInfo", "autoRollbackConfiguration")


class Deployments:
    """The operations."""

    codedeploy_backend: Any
    params: Fields
    _get_param: Any

    def create_deployment(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html."""
        backend, application = self.codedeploy_backend, self._get_param("applicationName")
        backend.get_application(application)
        name = self._get_param("deploymentGroupName")
        if not name:
            raise ServiceError("DeploymentGroupNameRequiredException", "Deployment Group name is missing")
        group = groups.find(backend, application, name)
        if not self._get_param("revision"):
            raise ServiceError("RevisionRequiredException", "Revision is missing")
        deployment = create(backend, group, self._get_param("revision"), self.params)
        return ActionResult({"deploymentId": deployment.deployment_id})

    def get_deployment(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeployment.html."""
        found = find(self.codedeploy_backend, self._get_param("deploymentId"))
        return ActionResult({"deploymentInfo": described(found)})

    def batch_get_deployments(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html."""
        found = [find(self.codedeploy_backend, deployment_id) for deployment_id in self._get_param("deploymentIds")]
        return ActionResult({"deploymentsInfo": [described(deployment) for deployment in found]})

    def list_deployments(self) -> ActionResult:
        """The newest first; https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html."""
        found = self.codedeploy_backend.list_deployments(
            application_name=self._get_param("applicationName"),
            deployment_group_name=self._get_param("deploymentGroupName"),
            external_id=self._get_param("externalId"),
            include_only_statuses=self._get_param("includeOnlyStatuses"),
            create_time_range=self._get_param("createTimeRange", {}),
        )
        ids, token = page(found[::-1], self._get_param("nextToken"))
        return ActionResult({"deployments": ids, "nextToken": token})

    def stop_deployment(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html."""
        deployment = find(self.codedeploy_backend, self._get_param("deploymentId"))
        if deployment.status in ENDED:
            why = f"The deployment {deployment.deployment_id} is already completed"
            raise ServiceError("DeploymentAlreadyCompletedException", why)
        stop(deployment)
        message = "No more commands will be scheduled for execution in the deployment instances"
        return ActionResult({"status": "Succeeded", "statusMessage": message})


def find(backend: Any, deployment_id: str) -> Deployment:
    """A deployment, or CodeDeploy's refusal."""
    if deployment_id not in backend.deployments:
        why = f"The deployment {deployment_id} could not be found"
        raise ServiceError("DeploymentDoesNotExistException", why)
    deployment: Deployment = backend.deployments[deployment_id]
    return deployment


def create(
    backend: Any, group: Fields, revision: Fields, params: Fields, creator: str = USER, only: tuple[str, ...] = ()
) -> Deployment:
    """Take a deployment to a group, or to some instances of it; it starts by itself."""
    name = group["deploymentGroupName"]
    _refuse_second(backend, group, creator)
    config = params.get("deploymentConfigName") or group["deploymentConfigName"]
    configs.find(backend, config)
    deployment = Deployment(
        {
            **{field: group[field] for field in OF_GROUP if field in group},
            **{field: params[field] for field in (*SENT, "autoRollbackConfiguration") if params.get(field) is not None},
            "applicationName": group["applicationName"],
            "deploymentGroupName": name,
            "deploymentConfigName": config,
            "deploymentId": new_id(),
            "previousRevision": group.get("lastSuccessfulRevision"),
            "revision": revisions.use(backend, group["applicationName"], name, revision),
            "status": "Created",
            "createTime": utcnow(),
            "creator": creator,
            "computePlatform": group["computePlatform"],
        },
        only=only,
    )
    backend.deployments[deployment.deployment_id] = deployment
    group["targetRevision"] = deployment.info["revision"]
    group["lastAttemptedDeployment"] = brief(deployment)
    return deployment


def _refuse_second(backend: Any, group: Fields, creator: str) -> None:
    """One at a time per group; those of Auto Scaling, each to an instance of its own, go side by side.

    What CodeDeploy does by itself has to come about whatever Auto Scaling does meanwhile.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
    """
    name = group["deploymentGroupName"]
    side_by_side = () if creator == USER else (AUTO_SCALING,)
    for other in backend.deployments.values():
        active = other.belongs_to(group["applicationName"], name) and other.status not in ENDED
        if active and other.info["creator"] not in side_by_side:
            why = f"The Deployment Group '{name}' already has an active Deployment '{other.deployment_id}'"
            raise ServiceError("DeploymentLimitExceededException", why)


def stop(
    deployment: Deployment, code: str = "MANUAL_STOP", why: str = "The deployment was stopped by the user."
) -> None:
    """End a deployment where it stands: what has not begun is skipped."""
    for target in deployment.targets.values():
        if target.status in ("Pending", "InProgress"):
            target.become("Skipped" if target.status == "Pending" else "Failed")
    deployment.end("Stopped", code, why)


def brief(deployment: Deployment) -> Fields:
    """What a group tells of its last deployments."""
    times = {"createTime": deployment.create_time, "endTime": deployment.info.get("completeTime")}
    return {"deploymentId": deployment.deployment_id, "status": deployment.status, **times}


def described(deployment: Deployment) -> Fields:
    """As CodeDeploy answers it."""
    return {**deployment.info, "deploymentOverview": deployment.overview() if deployment.targets else None}
