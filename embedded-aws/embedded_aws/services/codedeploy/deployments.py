"""Deployments: created, described, listed and stopped."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy import configs, groups, revisions
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Fields, new_id, page
from embedded_aws.services.codedeploy.notices import publish_state

REQUEST_FIELDS = (
    *("description", "ignoreApplicationStopFailures", "targetInstances", "updateOutdatedInstancesOnly"),
    *("fileExistsBehavior", "overrideAlarmConfiguration"),
)
# Who creates a deployment.
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html (creator)
USER, AUTO_SCALING, ROLLBACK, AUTO_UPDATE = "user", "autoscaling", "codeDeployRollback", "CodeDeployAutoUpdate"
GROUP_FIELDS = ("deploymentStyle", "blueGreenDeploymentConfiguration", "loadBalancerInfo", "autoRollbackConfiguration")
# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html
ALWAYS_SENT = {
    "fileExistsBehavior": "DISALLOW",
    "ignoreApplicationStopFailures": False,
    "instanceTerminationWaitTimeStarted": False,
    "updateOutdatedInstancesOnly": False,
}


class Deployments:
    """The operations on deployments."""

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
        deployment = find(self.codedeploy_backend, self._get_param("deploymentId"))
        return ActionResult({"deploymentInfo": describe(deployment)})

    def batch_get_deployments(self) -> ActionResult:
        """Describe those that exist; it has no error for one that does not.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
        """
        known = self.codedeploy_backend.deployments
        wanted = [known[each] for each in self._get_param("deploymentIds") if each in known]
        return ActionResult({"deploymentsInfo": [describe(deployment) for deployment in wanted]})

    def list_deployments(self) -> ActionResult:
        """List ids, the newest first; https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeployments.html."""
        all_ids = self.codedeploy_backend.list_deployments(
            application_name=self._get_param("applicationName"),
            deployment_group_name=self._get_param("deploymentGroupName"),
            external_id=self._get_param("externalId"),
            include_only_statuses=self._get_param("includeOnlyStatuses"),
            create_time_range=self._get_param("createTimeRange", {}),
        )
        ids, token = page(all_ids[::-1], self._get_param("nextToken"))
        return ActionResult({"deployments": ids, "nextToken": token})

    def stop_deployment(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_StopDeployment.html."""
        deployment = find(self.codedeploy_backend, self._get_param("deploymentId"))
        if deployment.status in ENDED:
            reason = f"The deployment {deployment.deployment_id} is already completed"
            raise ServiceError("DeploymentAlreadyCompletedException", reason)
        stop(deployment)
        groups = self.codedeploy_backend.deployment_groups[deployment.application_name]
        group = groups[deployment.deployment_group_name]
        group["lastAttemptedDeployment"] = summarize(deployment)
        publish_state(self.codedeploy_backend, group, deployment)
        message = "No more commands will be scheduled for execution in the deployment instances"
        return ActionResult({"status": "Succeeded", "statusMessage": message})


def find(backend: Any, deployment_id: str) -> Deployment:
    """Return a deployment by id; raise CodeDeploy's error if there is none."""
    if deployment_id not in backend.deployments:
        reason = f"The deployment {deployment_id} could not be found"
        raise ServiceError("DeploymentDoesNotExistException", reason)
    deployment: Deployment = backend.deployments[deployment_id]
    return deployment


def create(
    backend: Any, group: Fields, revision: Fields, params: Fields, creator: str = USER, only: tuple[str, ...] = ()
) -> Deployment:
    """Create a deployment to a group, which a later tick starts; return it.

    Args:
        only: The ids of the instances to deploy to; without any, all of the group.

    Raises:
        ServiceError: Another deployment is active, or the configuration does not exist.
    """
    name = group["deploymentGroupName"]
    _require_no_active_deployment(backend, group, creator)
    config = params.get("deploymentConfigName") or group["deploymentConfigName"]
    configs.find(backend, config)
    deployment = Deployment(
        {
            **{field: group[field] for field in GROUP_FIELDS if field in group},
            **{
                field: params[field]
                for field in (*REQUEST_FIELDS, "autoRollbackConfiguration")
                if params.get(field) is not None
            },
            "applicationName": group["applicationName"],
            "deploymentGroupName": name,
            "deploymentConfigName": config,
            "deploymentId": new_id(),
            "previousRevision": group.get("lastSuccessfulRevision"),
            "revision": revisions.record_use(backend, group["applicationName"], name, revision),
            "status": "Created",
            "createTime": utcnow(),
            "creator": creator,
            "computePlatform": group["computePlatform"],
        },
        only=only,
    )
    backend.deployments[deployment.deployment_id] = deployment
    group["targetRevision"] = deployment.info["revision"]
    group["lastAttemptedDeployment"] = summarize(deployment)
    return deployment


def _require_no_active_deployment(backend: Any, group: Fields, creator: str) -> None:
    """Require that no deployment to the group is active.

    Deployments by Auto Scaling, each to its own instance, run in parallel, and do not block those that CodeDeploy
    creates itself.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
    """
    name = group["deploymentGroupName"]
    parallel = () if creator == USER else (AUTO_SCALING,)
    for other in backend.deployments.values():
        active = other.belongs_to(group["applicationName"], name) and other.status not in ENDED
        if active and other.info["creator"] not in parallel:
            reason = f"The Deployment Group '{name}' already has an active Deployment '{other.deployment_id}'"
            raise ServiceError("DeploymentLimitExceededException", reason)


def stop(
    deployment: Deployment, code: str = "MANUAL_STOP", reason: str = "The deployment was stopped by the user."
) -> None:
    """Stop a deployment: targets in progress fail, and pending ones are skipped."""
    for target in deployment.targets.values():
        if target.status in ("Pending", "InProgress"):
            target.set_status("Skipped" if target.status == "Pending" else "Failed")
    deployment.end("Stopped", code, reason)


def summarize(deployment: Deployment) -> Fields:
    """Return the summary that a group has of its last deployments (LastDeploymentInfo)."""
    times = {"createTime": deployment.create_time, "endTime": deployment.info.get("completeTime")}
    return {"deploymentId": deployment.deployment_id, "status": deployment.status, **times}


def describe(deployment: Deployment) -> Fields:
    """Return a deployment as CodeDeploy describes it (DeploymentInfo)."""
    overview = {"deploymentOverview": deployment.overview() if deployment.targets else None}
    return {**ALWAYS_SENT, **deployment.info, **overview}
