"""Applications and deployment groups, described with all their fields."""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy import configs, renaming
from embedded_aws.services.codedeploy.attachments import require_role, require_scaling_groups, set_hooks
from embedded_aws.services.codedeploy.model import ENDED, Fields, page
from embedded_aws.services.codedeploy.validation import validate_group

# Defaults of a group, as GetDeploymentGroup returns them.
DEFAULTS: Fields = {
    "deploymentConfigName": configs.DEFAULT,
    "ec2TagFilters": [],
    "onPremisesInstanceTagFilters": [],
    "autoScalingGroups": [],
    "triggerConfigurations": [],
    "autoRollbackConfiguration": {"enabled": False},
    "deploymentStyle": {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"},
    "outdatedInstancesStrategy": "UPDATE",
    "terminationHookEnabled": False,
}
FIELDS = (
    *DEFAULTS,
    *("serviceRoleArn", "alarmConfiguration", "blueGreenDeploymentConfiguration", "loadBalancerInfo"),
    *("ec2TagSet", "onPremisesTagSet", "ecsServices"),
)


class Groups:
    """The operations on applications and deployment groups."""

    codedeploy_backend: Any
    params: Fields
    _get_param: Any

    def create_application(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateApplication.html."""
        platform = self._get_param("computePlatform") or "Server"
        arguments = (self._get_param("applicationName"), platform, self._get_param("tags"))
        return ActionResult({"applicationId": self.codedeploy_backend.create_application(*arguments)})

    def update_application(self) -> EmptyResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateApplication.html."""
        backend, new = self.codedeploy_backend, self._get_param("newApplicationName")
        application = backend.get_application(self._get_param("applicationName"))
        if new in backend.applications:
            reason = f"The application {new} already exists with the user or AWS account."
            raise ServiceError("ApplicationAlreadyExistsException", reason)
        renaming.rename_application(backend, application, new or application.application_name)
        return EmptyResult()

    def delete_application(self) -> EmptyResult:
        """Delete an application with its groups; a missing one is not an error.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeleteApplication.html
        """
        backend, name = self.codedeploy_backend, self._get_param("applicationName")
        for group in list(backend.deployment_groups.get(name, {})):
            remove_group(backend, name, group)
        backend.deployment_groups.pop(name, None)
        if backend.applications.pop(name, None):
            backend.tagger.delete_all_tags_for_resource(backend._application_arn(name))
        return EmptyResult()

    def create_deployment_group(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentGroup.html."""
        backend, name = self.codedeploy_backend, self._get_param("deploymentGroupName")
        application = backend.get_application(self._get_param("applicationName"))
        groups = backend.deployment_groups.setdefault(application.application_name, {})
        if name in groups:
            reason = f"The deployment group {name} already exists with the user or AWS account."
            raise ServiceError("DeploymentGroupAlreadyExistsException", reason)
        group = {
            "applicationName": application.application_name,
            "deploymentGroupId": str(uuid.uuid4()),
            "deploymentGroupName": name,
            "computePlatform": application.compute_platform,
            **DEFAULTS,
        }
        change_group(backend, group, group_fields(self.params))
        groups[name] = group
        if tags := self._get_param("tags"):
            backend.tagger.tag_resource(backend._deployment_group_arn(application.application_name, name), tags)
        return ActionResult({"deploymentGroupId": group["deploymentGroupId"]})

    def update_deployment_group(self) -> ActionResult:
        """Keep fields that are not sent; an empty list removes the values.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateDeploymentGroup.html
        """
        backend, application = self.codedeploy_backend, self._get_param("applicationName")
        old = self._get_param("currentDeploymentGroupName")
        group, new = find(backend, application, old), self._get_param("newDeploymentGroupName") or old
        if new != old and new in backend.deployment_groups[application]:
            reason = f"The deployment group {new} already exists with the user or AWS account."
            raise ServiceError("DeploymentGroupAlreadyExistsException", reason)
        change_group(backend, group, group_fields(self.params))
        renaming.rename_group(backend, group, new)
        return ActionResult({"hooksNotCleanedUp": []})

    def get_deployment_group(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentGroup.html."""
        names = (self._get_param("applicationName"), self._get_param("deploymentGroupName"))
        return ActionResult({"deploymentGroupInfo": find(self.codedeploy_backend, *names)})

    def batch_get_deployment_groups(self) -> ActionResult:
        """Describe those that exist; https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentGroups.html."""
        backend, application = self.codedeploy_backend, self._get_param("applicationName")
        backend.get_application(application)
        groups, names = backend.deployment_groups.get(application, {}), self._get_param("deploymentGroupNames")
        return ActionResult({"deploymentGroupsInfo": [groups[name] for name in names if name in groups]})

    def list_deployment_groups(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeploymentGroups.html."""
        backend, application = self.codedeploy_backend, self._get_param("applicationName")
        backend.get_application(application)
        names, token = page(list(backend.deployment_groups.get(application, {})), self._get_param("nextToken"))
        return ActionResult({"applicationName": application, "deploymentGroups": names, "nextToken": token})

    def delete_deployment_group(self) -> ActionResult:
        """Delete a group with its hooks on Auto Scaling groups; a missing one is not an error.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeleteDeploymentGroup.html
        """
        remove_group(
            self.codedeploy_backend, self._get_param("applicationName"), self._get_param("deploymentGroupName")
        )
        return ActionResult({"hooksNotCleanedUp": []})


def find(backend: Any, application: str, name: str) -> Fields:
    """Return a group by name; raise CodeDeploy's error if there is none."""
    backend.get_application(application)
    groups = backend.deployment_groups.get(application, {})
    if name not in groups:
        reason = f"No Deployment Group found for name: {name}"
        raise ServiceError("DeploymentGroupDoesNotExistException", reason)
    group: Fields = groups[name]
    return group


def group_fields(params: Fields) -> Fields:
    """Return the fields of a group in a request; a configuration of alarms says whether one that is unknown counts.

    Every recorded answer has that: https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html
    """
    fields = {field: params[field] for field in FIELDS if field in params}
    if alarms := fields.get("alarmConfiguration"):
        fields["alarmConfiguration"] = {"ignorePollAlarmFailure": False, **alarms}
    return fields


def change_group(backend: Any, group: Fields, fields: Fields) -> None:
    """Validate the fields, then set them in the group."""
    validate_group({**group, **fields})
    configs.find(backend, fields.get("deploymentConfigName") or group["deploymentConfigName"])
    arn = backend._deployment_group_arn(group["applicationName"], group["deploymentGroupName"])
    require_role(fields.get("serviceRoleArn") or group.get("serviceRoleArn"), arn)
    if "autoScalingGroups" in fields:
        names = fields["autoScalingGroups"] or []
        require_scaling_groups(names)
        fields = {**fields, "autoScalingGroups": set_hooks(group, names)}
    group.update(fields)


def remove_group(backend: Any, application: str, name: str) -> None:
    """Delete a group, its hooks and its tags, and stop its deployments."""
    group = backend.deployment_groups.get(application, {}).pop(name, None)
    if group is None:
        return
    set_hooks(group, [])
    backend.tagger.delete_all_tags_for_resource(backend._deployment_group_arn(application, name))
    for deployment in backend.deployments.values():
        if deployment.belongs_to(application, name) and deployment.status not in ENDED:
            deployment.end("Stopped", "DEPLOYMENT_GROUP_MISSING", "The deployment group was deleted.")
