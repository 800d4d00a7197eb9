"""Renaming of applications and deployment groups, with everything that refers to them."""

from __future__ import annotations

from typing import Any

from embedded_aws.patching import attach_dict
from embedded_aws.services.codedeploy.model import Fields


def rename_application(backend: Any, application: Any, new: str) -> None:
    """Rename an application in its groups, deployments, revisions and tags.

    "The new name to give the application":
    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateApplication.html
    """
    old, application.application_name = application.application_name, new
    for by_application in (backend.applications, backend.deployment_groups, attach_dict(backend, "revisions")):
        if old in by_application:
            by_application[new] = by_application.pop(old)
    _move_tags(backend, backend._application_arn(old), backend._application_arn(new))
    for group in backend.deployment_groups.get(new, {}).values():
        name, group["applicationName"] = group["deploymentGroupName"], new
        _move_tags(backend, backend._deployment_group_arn(old, name), backend._deployment_group_arn(new, name))
    for deployment in backend.deployments.values():
        if deployment.application_name == old:
            deployment.info["applicationName"] = new


def rename_group(backend: Any, deployment_group: Fields, new: str) -> None:
    """Rename a group in its deployments, revisions and tags.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateDeploymentGroup.html (newDeploymentGroupName)
    """
    application_name, old = deployment_group["applicationName"], deployment_group["deploymentGroupName"]
    deployment_group["deploymentGroupName"] = new
    groups = backend.deployment_groups[application_name]
    groups[new] = groups.pop(old)
    _move_tags(
        backend,
        backend._deployment_group_arn(application_name, old),
        backend._deployment_group_arn(application_name, new),
    )
    for deployment in backend.deployments.values():
        if deployment.belongs_to(application_name, old):
            deployment.info["deploymentGroupName"] = new
    for entry in attach_dict(backend, "revisions").get(application_name, []):
        info = entry["genericRevisionInfo"]
        info["deploymentGroups"] = [new if name == old else name for name in info["deploymentGroups"]]


def _move_tags(backend: Any, old: str, new: str) -> None:
    if old != new:
        backend.tagger.copy_tags(old, new)
        backend.tagger.delete_all_tags_for_resource(old)
