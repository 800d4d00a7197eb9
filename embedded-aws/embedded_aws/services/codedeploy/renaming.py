"""Applications and deployment groups under another name: what belongs to them goes on belonging to them."""

from __future__ import annotations

from typing import Any

from embedded_aws.patching import attach_dict
from embedded_aws.services.codedeploy.model import Fields


def application(backend: Any, renamed: Any, new: str) -> None:
    """Its groups, deployments, revisions and tags follow.

    "The new name to give the application":
    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateApplication.html
    """
    old, renamed.application_name = renamed.application_name, new
    for named in (backend.applications, backend.deployment_groups, attach_dict(backend, "revisions")):
        if old in named:
            named[new] = named.pop(old)
    _move_tags(backend, backend._application_arn(old), backend._application_arn(new))
    for group in backend.deployment_groups.get(new, {}).values():
        name, group["applicationName"] = group["deploymentGroupName"], new
        _move_tags(backend, backend._deployment_group_arn(old, name), backend._deployment_group_arn(new, name))
    for deployment in backend.deployments.values():
        if deployment.application_name == old:
            deployment.info["applicationName"] = new


def group(backend: Any, renamed: Fields, new: str) -> None:
    """Its deployments, revisions and tags follow.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateDeploymentGroup.html (newDeploymentGroupName)
    """
    owner, old = renamed["applicationName"], renamed["deploymentGroupName"]
    renamed["deploymentGroupName"] = new
    groups = backend.deployment_groups[owner]
    groups[new] = groups.pop(old)
    _move_tags(backend, backend._deployment_group_arn(owner, old), backend._deployment_group_arn(owner, new))
    for deployment in backend.deployments.values():
        if deployment.belongs_to(owner, old):
            deployment.info["deploymentGroupName"] = new
    for entry in attach_dict(backend, "revisions").get(owner, []):
        info = entry["genericRevisionInfo"]
        info["deploymentGroups"] = [new if name == old else name for name in info["deploymentGroups"]]


def _move_tags(backend: Any, old: str, new: str) -> None:
    if old != new:
        backend.tagger.copy_tags(old, new)
        backend.tagger.delete_all_tags_for_resource(old)
