"""The seam between CodeDeploy's bookkeeping and what happens on an instance."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from embedded_aws.account import backends
from embedded_aws.faults.hooks import hook_fault
from embedded_aws.services.codedeploy.model import Deployment, Fields, Target

SIMULATED = "simulated: no instance executed this bundle"
NOT_THE_AGENTS = ("BlockTraffic", "AllowTraffic")


@dataclass(frozen=True)
class Outcome:
    """How a lifecycle event ended; `code` is one of CodeDeploy's LifecycleErrorCode."""

    code: str = "Success"
    message: str = ""
    script: str = ""
    log_tail: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the next event may follow."""
        return self.code == "Success"

    def diagnostics(self) -> Fields:
        """As CodeDeploy answers it."""
        about = {"scriptName": self.script, "message": self.message, "logTail": self.log_tail}
        return {"errorCode": self.code, **about}


class Deployer(Protocol):
    """Performs lifecycle events on instances."""

    note: str
    """What a deployment says of itself as additionalDeploymentStatusInfo; empty when it is real."""

    def perform(self, deployment: Deployment, target: Target, event: str) -> Outcome | None:
        """Begin an event on an instance, or ask how it goes; None while it goes on. It must not block."""


class Simulation:
    """Performs nothing, but looks whether the bundle is there, as the agent's DownloadBundle would find out."""

    note = SIMULATED

    def perform(self, deployment: Deployment, target: Target, event: str) -> Outcome | None:
        """Succeed, unless a game day says otherwise, or the bundle is not there or not the one of the revision."""
        on_request = None if event in NOT_THE_AGENTS else hook_fault(event, target.instance_id, _zone(target))
        if on_request:
            return Outcome("ScriptFailed", on_request, log_tail=f"[stderr]{on_request}")
        if event == "DownloadBundle" and (problem := bundle_problem(deployment.info["revision"])):
            return Outcome("UnknownError", problem)
        return Outcome(message=SIMULATED)


def _zone(target: Target) -> str:
    instance = backends.backend("ec2").get_instance_by_id(target.instance_id)
    return str(instance.placement.zone) if instance else ""


def bundle_problem(revision: Fields) -> str:
    """Why the agent could not use an S3 bundle, in the agent's words; empty when it could.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments.html
    """
    place = revision.get("s3Location")
    if not place:
        return ""
    try:
        bundle: Any = backends.backend("s3").get_object(place["bucket"], place["key"], version_id=place.get("version"))
    except (ServiceException, HTTPException):
        bundle = None
    if bundle is None:
        return "The specified key does not exist."
    wanted, there = place.get("eTag", "").strip('"'), bundle.etag.strip('"')
    if wanted not in ("", there):
        return f"Expected deployment bundle etag {wanted} but was actually {there}"
    return _damage(bundle)


def _damage(bundle: Any) -> str:
    """What S3 has is not what it was sent: its checksum of then is not that of the content now.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    if bundle.checksum_algorithm != "SHA256" or bundle.checksum_value is None:
        return ""
    then, now = bundle.checksum_value, b64encode(sha256(bundle.value).digest()).decode()
    return f"Expected deployment bundle SHA-256 {then} but was actually {now}" if then != now else ""
