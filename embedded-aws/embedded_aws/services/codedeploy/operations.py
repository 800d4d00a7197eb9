"""The response class for all operations of CodeDeploy; it replaces moto's."""

from __future__ import annotations

from typing import Any

import moto.codedeploy.urls
from moto.codedeploy.responses import CodeDeployResponse
from moto.core.responses import ActionResult

from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.configs import Configs
from embedded_aws.services.codedeploy.deployments import Deployments
from embedded_aws.services.codedeploy.groups import Groups
from embedded_aws.services.codedeploy.revisions import Revisions
from embedded_aws.services.codedeploy.targets import Targets
from embedded_aws.services.codedeploy.validation import validate_fields


class Operations(Groups, Deployments, Targets, Revisions, Configs, CodeDeployResponse):  # type: ignore[misc]
    """All operations for EC2 instances; others are answered as not supported."""

    def call_action(self) -> Any:
        """Validate the fields before the operation runs."""
        try:
            validate_fields(self.params)
        except ServiceError as error:
            return self.serialized(ActionResult(error))
        return super().call_action()

    def list_git_hub_account_token_names(self) -> ActionResult:
        """Return no names: GitHub's authorisation needs a browser and AWS's console.

        https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-partners-github.html
        """
        return ActionResult({"tokenNameList": []})


# moto looks it up before the first call, when it builds the service's routes.
moto.codedeploy.urls.url_paths["{0}/$"] = Operations.dispatch
