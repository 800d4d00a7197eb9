"""Notifications to the target of a lifecycle hook: an SQS queue or an SNS topic."""

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
    """Notify the target that an instance waits; log a warning if the target does not exist.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/prepare-for-lifecycle-notifications.html
    """
    transition = hook.lifecycle_transition.rpartition("_")[2]
    fields = {
        "LifecycleHookName": hook.name,
        "LifecycleTransition": hook.lifecycle_transition,
        "LifecycleActionToken": token,
        "EC2InstanceId": instance_id,
    }
    if hook.notification_metadata:
        fields["NotificationMetadata"] = hook.notification_metadata
    subject = f"Auto Scaling:  Lifecycle action '{transition}' for instance {instance_id} in progress."
    try:
        _deliver(hook, subject, _message(group, fields))
    except ServiceException as error:
        log.warning("cannot notify the target of lifecycle hook %s: %s", hook.name, error)


def send_test(group: Any, hook: Any) -> None:
    """Send a test notification to a new target.

    Raises:
        ValidationError: The target does not exist.
    """
    fields = {"AutoScalingGroupARN": group.arn, "Event": "autoscaling:TEST_NOTIFICATION"}
    try:
        _deliver(hook, f'Auto Scaling: test notification for group "{group.name}"', _message(group, fields))
    except ServiceException as error:
        target = f"notification target {hook.notification_target_arn} using IAM role {hook.role_arn}"
        hint = "Please check your target and role configuration and try to put lifecycle hook again."
        raise ValidationError(f"Unable to publish test message to {target}. {hint}") from error


def _message(group: Any, fields: dict[str, str]) -> str:
    common = {
        "AccountId": group.account_id,
        "RequestId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Service": "AWS Auto Scaling",
        "Time": f"{utcnow():%Y-%m-%dT%H:%M:%S.000Z}",
    }
    return json.dumps({**common, **fields})


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
        raise NotImplementedError("The local environment notifies SQS queues and SNS topics only.")
