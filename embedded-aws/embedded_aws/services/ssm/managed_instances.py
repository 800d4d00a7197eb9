"""Managed instances: those whose SSM agent may report to Systems Manager."""

from __future__ import annotations

import json
from typing import Any

from moto.ssm.responses import SimpleSystemManagerResponse

from embedded_aws.account import backends
from embedded_aws.patching import add_method

_REPORTS = "ssm:UpdateInstanceInformation"


@add_method(SimpleSystemManagerResponse)
def describe_instance_information(request: Any) -> str:
    """List the running instances whose role lets the agent report; Amazon Linux has the agent.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeInstanceInformation.html
    https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
    """
    found = [instance for instance in _running() if _may_report(instance)]
    information = [
        {
            "InstanceId": instance.id,
            "PingStatus": "Online",
            "PlatformType": "Linux",
            "PlatformName": "Amazon Linux",
            "PlatformVersion": "2023",
            "ResourceType": "EC2Instance",
            "IPAddress": instance.private_ip,
        }
        for instance in found
    ]
    return json.dumps({"InstanceInformationList": information})


def _running() -> list[Any]:
    reservations = backends.backend("ec2").reservations.values()
    return [one for reservation in reservations for one in reservation.instances if one.state == "running"]


def _may_report(instance: Any) -> bool:
    """Whether one of the role's inline policies names the agent's call, or an attached one is AWS's for it."""
    associations = backends.backend("ec2").iam_instance_profile_associations.values()
    profiles = [one.iam_instance_profile for one in associations if one.instance.id == instance.id]
    roles = [role for profile in profiles for role in profile.roles]
    documents = [str(document) for role in roles for document in role.policies.values()]
    managed = [arn for role in roles for arn in role.managed_policies]
    return any(_REPORTS in document for document in documents) or any("SSMManagedInstance" in arn for arn in managed)
