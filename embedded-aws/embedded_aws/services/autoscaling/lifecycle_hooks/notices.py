"""What Auto Scaling tells the notification target of a lifecycle hook: an SQS queue or an SNS topic."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.core.exceptions import ServiceException
from moto.core.utils import utcnow

from embedded_aws.account import backends

log = logging.getLogger(__name__)


def send(group: Any, hook: Any, instance_id: str, token: str) -> None:
    """Tell that an instance waits; a target that has gone is not told, and the instance waits all the same.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html
    """
    side = hook.lifecycle_transition.rpartition("_")[2]
    about = {
        "LifecycleHookName": hook.name,
        "LifecycleTransition": hook.lifecycle_transition,
        "LifecycleActionToken": token,
        "EC2InstanceId": instance_id,
    }
    if hook.notification_metadata:
        about["NotificationMetadata"] = hook.notification_metadata
    subject = f"Auto Scaling:  Lifecycle action '{side}' for instance {instance_id} in progress."
    try:
        _deliver(hook, subject, _message(group, about))
    except ServiceException as error:
        log.warning("the target of lifecycle hook %s was not told: %s", hook.name, error)


def test(group: Any, hook: Any) -> None:
    """Tell a new target that it is one.

    Raises:
        ValidationError: There is no such target.
    """
    about = {"AutoScalingGroupARN": group.arn, "Event": "autoscaling:TEST_NOTIFICATION"}
    try:
        _deliver(hook, f'Auto Scaling: test notification for group "{group.name}"', _message(group, about))
    except ServiceException as error:
        where = f"notification target {hook.notification_target_arn} using IAM role {hook.role_arn}"
        hint = "Please check your target and role configuration and try to put lifecycle hook again."
        raise ValidationError(f"Unable to publish test message to {where}. {hint}") from error


def _message(group: Any, about: dict[str, str]) -> str:
    common = {
        "AccountId": group.account_id,
        "RequestId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Service": "AWS Auto Scaling",
        "Time": f"{utcnow():%Y-%m-%dT%H:%M:%S.000Z}",
    }
    return json.dumps({**common, **about})


def _deliver(hook: Any, subject: str, message: str) -> None:
    arn = hook.notification_target_arn
    if not arn:
        return
    _, _, service, region, _, name = arn.split(":", 5)
    if service == "sqs":
        backends.backend("sqs", region).send_message(name, message)
    elif service == "sns":
        backends.backend("sns", region).publish(message=message, arn=arn, subject=subject)
    else:
        raise NotImplementedError("The local environment tells SQS queues and SNS topics only.")
