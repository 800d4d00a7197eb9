"""Targets: the state of each instance of a deployment, for the current operations and the older ones."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.deployments import find
from embedded_aws.services.codedeploy.model import Deployment, Fields, Target, page


class Targets:
    """The operations on targets and instances of deployments."""

    codedeploy_backend: Any
    _get_param: Any

    def list_deployment_targets(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeploymentTargets.html."""
        wanted = (self._get_param("targetFilters") or {}).get("TargetStatus", [])
        ids, token = page(self._ids(wanted), self._get_param("nextToken"))
        return ActionResult({"targetIds": ids, "nextToken": token})

    def get_deployment_target(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentTarget.html."""
        return ActionResult({"deploymentTarget": self._target(self._get_param("targetId"))})

    def batch_get_deployment_targets(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentTargets.html."""
        return ActionResult({"deploymentTargets": [self._target(name) for name in self._get_param("targetIds") or []]})

    def list_deployment_instances(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_ListDeploymentInstances.html."""
        ids, token = page(self._ids(self._get_param("instanceStatusFilter") or []), self._get_param("nextToken"))
        return ActionResult({"instancesList": ids, "nextToken": token})

    def get_deployment_instance(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_GetDeploymentInstance.html."""
        return ActionResult({"instanceSummary": self._instance(self._get_param("instanceId"))})

    def batch_get_deployment_instances(self) -> ActionResult:
        """https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeploymentInstances.html."""
        return ActionResult({"instancesSummary": [self._instance(name) for name in self._get_param("instanceIds")]})

    def _deployment(self) -> Deployment:
        return find(self.codedeploy_backend, self._get_param("deploymentId"))

    def _ids(self, statuses: list[str]) -> list[str]:
        targets = self._deployment().targets.values()
        return [target.instance_id for target in targets if not statuses or target.status in statuses]

    def _target_of(self, name: str, code: str) -> Target:
        # Both an instance's id and its ARN name a target.
        target = self._deployment().targets.get(name.rpartition("/")[2])
        if target is None:
            raise ServiceError(code, f"The instance {name} does not belong to the deployment.")
        return target

    def _target(self, name: str) -> Fields:
        target = self._target_of(name, "DeploymentTargetDoesNotExistException")
        fields = {"targetId": target.instance_id, "targetArn": self._arn(target), **self._progress(target)}
        return {"deploymentTargetType": "InstanceTarget", "instanceTarget": fields}

    def _instance(self, name: str) -> Fields:
        target = self._target_of(name, "InstanceDoesNotExistException")
        return {"instanceId": self._arn(target), **self._progress(target)}

    def _progress(self, target: Target) -> Fields:
        events = [event.describe() for event in target.events]
        about = {"status": target.status, "lastUpdatedAt": target.updated, "lifecycleEvents": events}
        return {"deploymentId": self._get_param("deploymentId"), **about}

    def _arn(self, target: Target) -> str:
        backend = self.codedeploy_backend
        return f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}:instance/{target.instance_id}"
