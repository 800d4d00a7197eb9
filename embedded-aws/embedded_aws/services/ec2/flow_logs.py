"""Flow logs: one destination."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.flow_logs import FlowLogsBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError


@patch(FlowLogsBackend, "create_flow_logs")
def create_flow_logs(moto: Method, ec2: Any, **params: Any) -> Any:
    """Take a log group or another destination, not both.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html (LogDestination, LogGroupName)
    """
    if params.get("log_group_name") and params.get("log_destination"):
        reason = "Please only provide LogGroupName or only provide LogDestination."
        raise ServiceError("InvalidParameter", reason)
    return moto(ec2, **params)
