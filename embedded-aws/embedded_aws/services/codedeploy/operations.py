"""The response class that AWS's clients talk to in the place of moto's."""

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
from embedded_aws.services.codedeploy.validation import refuse_fields


class Operations(Groups, Deployments, Targets, Revisions, Configs, CodeDeployResponse):  # type: ignore[misc]
    """All operations for EC2 instances; what is missing is said to be, as everywhere in the emulator."""

    def call_action(self) -> Any:
        """What is sent is looked at before anything else is."""
        try:
            refuse_fields(self.params)
        except ServiceError as refusal:
            return self.serialized(ActionResult(refusal))
        return super().call_action()

    def list_git_hub_account_token_names(self) -> ActionResult:
        """None: GitHub's authorisation needs a browser and AWS's console.

        https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-partners-github.html
        """
        return ActionResult({"tokenNameList": []})


# Looked up before the first call, when the service's routes are made.
moto.codedeploy.urls.url_paths["{0}/$"] = Operations.dispatch
