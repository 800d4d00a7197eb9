"""The interface between CodeDeploy's records and the execution of lifecycle events on instances."""

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
TRAFFIC_EVENTS = ("BlockTraffic", "AllowTraffic")


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
        """Return the outcome as CodeDeploy describes it (Diagnostics)."""
        about = {"scriptName": self.script, "message": self.message, "logTail": self.log_tail}
        return {"errorCode": self.code, **about}


class Deployer(Protocol):
    """Performs lifecycle events on instances."""

    note: str
    """The additionalDeploymentStatusInfo of deployments; empty if events are really executed."""

    def perform(self, deployment: Deployment, target: Target, event: str) -> Outcome | None:
        """Start an event on an instance, or poll it; return None while it runs. Must not block."""


class Simulation:
    """Executes nothing, but checks the bundle as the agent's DownloadBundle does."""

    note = SIMULATED

    def perform(self, deployment: Deployment, target: Target, event: str) -> Outcome | None:
        """Succeed, unless a fault is injected, or the bundle is missing or differs from the revision."""
        fault = None if event in TRAFFIC_EVENTS else hook_fault(event, target.instance_id, _zone(target))
        if fault:
            return Outcome("ScriptFailed", fault, log_tail=f"[stderr]{fault}")
        if event == "DownloadBundle" and (problem := bundle_problem(deployment.info["revision"])):
            return Outcome("UnknownError", problem)
        return Outcome(message=SIMULATED)


def _zone(target: Target) -> str:
    instance = backends.backend("ec2").get_instance_by_id(target.instance_id)
    return str(instance.placement.zone) if instance else ""


def bundle_problem(revision: Fields) -> str:
    """Return why the agent could not use an S3 bundle, with the agent's message; empty when it could.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-deployments.html
    """
    location = revision.get("s3Location")
    if not location:
        return ""
    try:
        bundle: Any = backends.backend("s3").get_object(
            location["bucket"], location["key"], version_id=location.get("version")
        )
    except (ServiceException, HTTPException):
        bundle = None
    if bundle is None:
        return "The specified key does not exist."
    wanted, actual = location.get("eTag", "").strip('"'), bundle.etag.strip('"')
    if wanted not in ("", actual):
        return f"Expected deployment bundle etag {wanted} but was actually {actual}"
    return _checksum_problem(bundle)


def _checksum_problem(bundle: Any) -> str:
    """Return the problem if the content no longer has the checksum of its upload; else an empty string.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
    """
    if bundle.checksum_algorithm != "SHA256" or bundle.checksum_value is None:
        return ""
    stored, now = bundle.checksum_value, b64encode(sha256(bundle.value).digest()).decode()
    return f"Expected deployment bundle SHA-256 {stored} but was actually {now}" if stored != now else ""
