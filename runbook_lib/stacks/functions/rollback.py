"""A Lambda function that deploys the last revision that worked when a deployment leaves servers without a good one.

EventBridge calls it when a deployment of CodeDeploy ends.  CodeDeploy itself rolls back what fails; what is left are a
success that did not reach every server, and a failure that CodeDeploy was told not to roll back.
https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-cloudwatch-events.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html

It judges no rollback and no deployment to single servers, so it causes no loop.  It leaves the group to a person or to
CodeDeploy where a newer deployment exists, and holds off while a run has the environment's lock: Lambda then calls it
again after one and after two minutes.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

Info = Mapping[str, Any]

LOOKED_AT = 100
"""Deployments, the newest first."""
_WHOLE = ("user", "codeDeployRollback")  # the creators of deployments to all servers
_ROLLBACK = "; rollback;"
_EVENTS = {"Failed": "DEPLOYMENT_FAILURE", "Stopped": "DEPLOYMENT_STOP_ON_ALARM"}
_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")


class HeldOff(Exception):
    """Not now: Lambda calls the function again."""


def handler(event: Info, context: object) -> str:
    """Judge the deployment of an event, and roll back if necessary; returns what was done, which is also logged.

    Raises:
        HeldOff: A run holds the environment's lock, or another deployment has just begun.
    """
    deployment = event["detail"]["deploymentId"]
    rollback = Rollback(boto3.client("codedeploy"), boto3.client("s3"), os.environ)
    try:
        outcome = rollback.judge(deployment)
    except HeldOff as reason:
        _log(deployment, "held off", str(reason))
        raise
    _log(deployment, "outcome", outcome)
    return outcome


def _log(deployment: str, what: str, text: str) -> None:
    """Write a line of JSON: what a function writes goes to its log group."""
    sys.stdout.write(json.dumps({"deployment": deployment, what: text}) + "\n")


class Rollback:
    """The rollback of one deployment group.

    Args:
        variables: ``BUCKET`` and ``LOCK`` name the lock's object, ``LEASE_SECONDS`` is how long a lock counts that is
            not renewed.
    """

    def __init__(self, codedeploy: Any, s3: Any, variables: Mapping[str, str]) -> None:
        self._codedeploy, self._s3, self._variables = codedeploy, s3, variables

    def judge(self, deployment: str) -> str:
        """Roll back unless there is a reason not to; returns what was done, or the reason.

        Raises:
            HeldOff: A run holds the environment's lock, or another deployment has just begun.
        """
        ended = self._codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
        if reason := reason_to_leave(ended):
            return reason
        history = self._history(ended)
        if newer := [one["deploymentId"] for one in history if one["createTime"] > ended["createTime"]]:
            return f"left to {newer[0]}, which is newer"
        self._require_unlocked()
        target = next((one for one in history if worked(one) and one["revision"] != ended["revision"]), None)
        if target is None:
            return "no earlier revision has worked on every server"
        return f"{self._deploy(ended, target['revision'])} rolls back to the revision of {target['deploymentId']}"

    def _history(self, ended: Info) -> list[Info]:
        """The group's deployments to all of its servers, the newest first."""
        names = {"applicationName": ended["applicationName"], "deploymentGroupName": ended["deploymentGroupName"]}
        pages = self._codedeploy.get_paginator("list_deployments").paginate(**names)
        ids = [each for page in pages for each in page["deployments"]][:LOOKED_AT]
        found = [info for info in self._describe(ids) if info.get("creator", "user") in _WHOLE]
        return sorted(found, key=lambda info: info["createTime"], reverse=True)

    def _describe(self, ids: list[str]) -> Iterator[Info]:
        for start in range(0, len(ids), 25):  # the maximum of one call
            answer = self._codedeploy.batch_get_deployments(deploymentIds=ids[start : start + 25])
            yield from answer["deploymentsInfo"]

    def _require_unlocked(self) -> None:
        """Check that no run is changing the environment; a lock that is not renewed belongs to nobody.

        Raises:
            HeldOff: A run is.
        """
        try:
            lock = self._s3.head_object(Bucket=self._variables["BUCKET"], Key=self._variables["LOCK"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return
            raise
        if datetime.now(UTC) - lock["LastModified"] < timedelta(seconds=int(self._variables["LEASE_SECONDS"])):
            raise HeldOff("a run holds the environment's lock")

    def _deploy(self, ended: Info, revision: Info) -> str:
        """Deploy a revision; no alarm stops that, and CodeDeploy does not go back to what is left.

        Raises:
            HeldOff: Another deployment is active.
        """
        _, word, digest = (ended.get("description") or "").partition("; settings ")
        settings = f"{word[1:]}{digest}"  # what servers read when they start has not changed
        try:
            answer = self._codedeploy.create_deployment(
                applicationName=ended["applicationName"],
                deploymentGroupName=ended["deploymentGroupName"],
                revision=revision,
                description=f"automatic, after {ended['deploymentId']}{_ROLLBACK}{settings}",
                autoRollbackConfiguration={"enabled": False},
                overrideAlarmConfiguration={"enabled": False},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "DeploymentLimitExceededException":
                raise HeldOff("another deployment is active") from error
            raise
        return str(answer["deploymentId"])


def reason_to_leave(ended: Info) -> str:
    """Why a deployment is not rolled back by this function; empty when it is."""
    creator, status = ended.get("creator", "user"), ended["status"]
    if creator != "user" or _ROLLBACK in (ended.get("description") or ""):
        return f"not judged: a rollback, or a deployment to single servers, by {creator}"
    if status == "Succeeded":
        return "every server got it" if worked(ended) else ""
    if status not in _EVENTS:
        return f"not ended: {status}"
    if ended.get("errorInformation", {}).get("code") == "MANUAL_STOP":
        return "left to the person who stopped it"
    automatic = ended.get("autoRollbackConfiguration") or {}
    is_automatic = automatic.get("enabled") and _EVENTS[status] in automatic.get("events", [])
    if is_automatic or ended.get("rollbackInfo", {}).get("rollbackDeploymentId"):
        return "left to CodeDeploy, which rolls it back"
    return ""


def worked(info: Info) -> bool:
    """Whether a deployment succeeded on every server: CodeDeploy calls it a success when enough of them have it."""
    missed = sum(number for status, number in (info.get("deploymentOverview") or {}).items() if status != "Succeeded")
    return info["status"] == "Succeeded" and not missed
