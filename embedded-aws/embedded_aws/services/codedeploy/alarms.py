"""CloudWatch alarms that stop a deployment."""

from __future__ import annotations

from embedded_aws.account import backends
from embedded_aws.services.codedeploy.deployments import AUTO_SCALING, ROLLBACK
from embedded_aws.services.codedeploy.model import Deployment, Fields

ACTIVE = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected "
    "deployments have been stopped. Activated alarms: {}"
)
UNKNOWN = "The state of these alarms could not be retrieved from Amazon CloudWatch: {}"


def alarm_reason(deployment: Deployment, group: Fields) -> str:
    """Return why the group's alarms, or those that the deployment names instead, stop it; empty when they do not.

    A deployment created while an alarm is active starts and is stopped at once. Alarms do not stop a rollback, as on
    AWS, nor a deployment to an instance launched by Auto Scaling, which would be terminated otherwise.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html
    """
    config = deployment.info.get("overrideAlarmConfiguration") or group.get("alarmConfiguration") or {}
    if not config.get("enabled") or deployment.info["creator"] in (ROLLBACK, AUTO_SCALING):
        return ""
    known, names = backends.backend("cloudwatch").alarms, [alarm["name"] for alarm in config.get("alarms") or []]
    if active := [name for name in names if name in known and known[name].state_value == "ALARM"]:
        return ACTIVE.format(_format_names(active))
    # https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_AlarmConfiguration.html (ignorePollAlarmFailure)
    unknown = [] if config.get("ignorePollAlarmFailure") else [name for name in names if name not in known]
    return UNKNOWN.format(_format_names(unknown)) if unknown else ""


def _format_names(names: list[str]) -> str:
    return " ".join(f"<{name}>" for name in names)
