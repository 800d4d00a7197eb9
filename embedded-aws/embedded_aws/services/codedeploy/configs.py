"""Deployment configurations: how many instances at a time, and how many must stay healthy."""

from __future__ import annotations

import uuid
from math import ceil
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from embedded_aws.patching import attach_dict
from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.model import Fields, page
from embedded_aws.services.codedeploy.validation import validate_config_name

DEFAULT = "CodeDeployDefault.OneAtATime"
ONE_AT_A_TIME = "MOST_CONCURRENCY"  # the type that only AWS's own configuration has

# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_MinimumHealthyHosts.html for the first,
# https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html for all.
PREDEFINED: dict[str, Fields] = {
    DEFAULT: {"type": ONE_AT_A_TIME, "value": 1},
    "CodeDeployDefault.HalfAtATime": {"type": "FLEET_PERCENT", "value": 50},
    "CodeDeployDefault.AllAtOnce": {"type": "HOST_COUNT", "value": 0},
}


def find(backend: Any, name: str) -> Fields:
    """Return a configuration by name; raise CodeDeploy's error if there is none."""
    if name in PREDEFINED:
        return {"deploymentConfigName": name, "minimumHealthyHosts": PREDEFINED[name], "computePlatform": "Server"}
    configs = attach_dict(backend, "deployment_configs")
    if name not in configs:
        raise ServiceError(
            "DeploymentConfigDoesNotExistException", f"No Deployment Configuration found for name: {name}"
        )
    config: Fields = configs[name]
    return config


def min_healthy_hosts(config: Fields, hosts: int) -> int:
    """Return how many of `hosts` have to stay healthy, so must be neither updated nor failed at the moment."""
    healthy = config["minimumHealthyHosts"]
    if healthy["type"] == ONE_AT_A_TIME:
        return max(0, hosts - int(healthy["value"]))
    return ceil(hosts * healthy["value"] / 100) if healthy["type"] == "FLEET_PERCENT" else int(healthy["value"])


class Configs:
    """The operations on deployment configurations."""

    codedeploy_backend: Any
    _get_param: Any

    def create_deployment_config(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeploymentConfig.html."""
        name = self._get_param("deploymentConfigName")
        configs = attach_dict(self.codedeploy_backend, "deployment_configs")
        validate_config_name(name)
        if name in configs:
            raise ServiceError(
                "DeploymentConfigAlreadyExistsException", f"The deployment configuration {name} already exists"
            )
        configs[name] = {
            "deploymentConfigId": str(uuid.uuid4()),
            "deploymentConfigName": name,
            "createTime": utcnow(),
            "minimumHealthyHosts": self._get_param("minimumHealthyHosts") or {"type": "HOST_COUNT", "value": 1},
            "computePlatform": self._get_param("computePlatform") or "Server",
            "zonalConfig": self._get_param("zonalConfig"),
        }
        return ActionResult({"deploymentConfigId": configs[name]["deploymentConfigId"]})

    def get_deployment_config(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentConfig.html."""
        config = find(self.codedeploy_backend, self._get_param("deploymentConfigName"))
        return ActionResult({"deploymentConfigInfo": config})

    def list_deployment_configs(self) -> ActionResult:
        """List configurations of the Server platform; https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeploymentConfigs.html."""
        names = [*PREDEFINED, *attach_dict(self.codedeploy_backend, "deployment_configs")]
        page_names, token = page(names, self._get_param("nextToken"))
        return ActionResult({"deploymentConfigsList": page_names, "nextToken": token})

    def delete_deployment_config(self) -> EmptyResult:
        """Refuse while the configuration is in use, and for predefined ones.

        https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeleteDeploymentConfig.html
        """
        name, backend = self._get_param("deploymentConfigName"), self.codedeploy_backend
        if name in PREDEFINED:
            raise ServiceError("InvalidOperationException", "Default deployment configurations cannot be deleted")
        groups = [group for groups in backend.deployment_groups.values() for group in groups.values()]
        if any(group["deploymentConfigName"] == name for group in groups):
            raise ServiceError("DeploymentConfigInUseException", f"The deployment configuration {name} is still in use")
        attach_dict(backend, "deployment_configs").pop(name, None)
        return EmptyResult()
