"""The records of CodeDeploy in the account: deployments with their targets, in addition to moto's applications."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

Fields = dict[str, Any]

PAGE_SIZE = 100
ENDED = ("Succeeded", "Failed", "Stopped")


@dataclass
class Event:
    """One lifecycle event on one instance."""

    name: str
    status: str = "Pending"
    began: datetime | None = None
    ended: datetime | None = None
    diagnostics: Fields | None = None

    def describe(self) -> Fields:
        """Return the event as CodeDeploy describes it (LifecycleEvent)."""
        fields = {"startTime": self.began, "endTime": self.ended, "diagnostics": self.diagnostics}
        return {"lifecycleEventName": self.name, "status": self.status, **fields}


@dataclass
class Target:
    """One instance of a deployment."""

    instance_id: str
    events: list[Event]
    status: str = "Pending"
    updated: datetime = field(default_factory=utcnow)

    def set_status(self, status: str) -> None:
        """Set the status; on failure, events in progress fail and pending ones are skipped."""
        self.status, self.updated = status, utcnow()
        for event in self.events if status in ("Failed", "Skipped") else []:
            if event.status == "InProgress":
                event.status, event.ended = "Failed", utcnow()
            elif event.status == "Pending":
                event.status = "Skipped"


@dataclass
class Deployment:
    """One deployment: its description in the API, and its targets once it has started.

    `only` has the ids of the instances to deploy to; if it is empty, these are all instances of the group.
    """

    info: Fields
    targets: dict[str, Target] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    @property
    def deployment_id(self) -> str:
        """The id, such as d-A1B2C3D4E."""
        return str(self.info["deploymentId"])

    @property
    def status(self) -> str:
        """One of CodeDeploy's deployment statuses."""
        return str(self.info["status"])

    # moto's list_deployments reads these attributes.
    @property
    def application_name(self) -> str:
        """The name of the application."""
        return str(self.info["applicationName"])

    @property
    def deployment_group_name(self) -> str:
        """The name of the deployment group."""
        return str(self.info["deploymentGroupName"])

    @property
    def create_time(self) -> datetime:
        """When it was created."""
        created: datetime = self.info["createTime"]
        return created

    def belongs_to(self, application: str, group: str) -> bool:
        """Return whether it deploys to this deployment group."""
        return (self.application_name, self.deployment_group_name) == (application, group)

    def overview(self) -> dict[str, int]:
        """Return the number of targets in each status."""
        statuses = [target.status for target in self.targets.values()]
        return {
            name: statuses.count(name) for name in ("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready")
        }

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """End with a final status, and with an error if there is a code."""
        self.info |= {"status": status, "completeTime": utcnow()}
        if code:
            self.info["errorInformation"] = {"code": code, "message": message}


def new_id() -> str:
    """Return a random deployment id: `d-` and nine capital letters or digits."""
    return "d-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(9))


def page(items: list[Any], token: str | None) -> tuple[list[Any], str | None]:
    """Return one page of a list, and the token of the next page."""
    start = int(token or 0)
    return items[start : start + PAGE_SIZE], str(start + PAGE_SIZE) if len(items) > start + PAGE_SIZE else None
