"""What CodeDeploy keeps in the account: deployments with their targets, beside moto's applications."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow

Fields = dict[str, Any]

PAGE = 100
ENDED = ("Succeeded", "Failed", "Stopped")


@dataclass
class Event:
    """One lifecycle event on one instance."""

    name: str
    status: str = "Pending"
    began: datetime | None = None
    ended: datetime | None = None
    diagnostics: Fields | None = None

    def described(self) -> Fields:
        """As CodeDeploy answers it."""
        fields = {"startTime": self.began, "endTime": self.ended, "diagnostics": self.diagnostics}
        return {"lifecycleEventName": self.name, "status": self.status, **fields}


@dataclass
class Target:
    """One instance of a deployment."""

    instance_id: str
    events: list[Event]
    status: str = "Pending"
    updated: datetime = field(default_factory=utcnow)

    def become(self, status: str) -> None:
        """Change the status; what goes on when it fails has failed, and what has not begun never will."""
        self.status, self.updated = status, utcnow()
        for event in self.events if status in ("Failed", "Skipped") else []:
            if event.status == "InProgress":
                event.status, event.ended = "Failed", utcnow()
            elif event.status == "Pending":
                event.status = "Skipped"


@dataclass
class Deployment:
    """One deployment: what CodeDeploy answers, and its targets once it has started.

    `only` names the instances of a deployment that Auto Scaling has asked for; otherwise all of the group are meant.
    """

    info: Fields
    targets: dict[str, Target] = field(default_factory=dict)
    only: tuple[str, ...] = ()

    @property
    def deployment_id(self) -> str:
        """Such as d-A1B2C3D4E."""
        return str(self.info["deploymentId"])

    @property
    def status(self) -> str:
        """One of CodeDeploy's deployment statuses."""
        return str(self.info["status"])

    # moto's own listing reads these attributes.
    @property
    def application_name(self) -> str:
        """Its application."""
        return str(self.info["applicationName"])

    @property
    def deployment_group_name(self) -> str:
        """Its deployment group."""
        return str(self.info["deploymentGroupName"])

    @property
    def create_time(self) -> datetime:
        """When it was asked for."""
        created: datetime = self.info["createTime"]
        return created

    def belongs_to(self, application: str, group: str) -> bool:
        """Whether it goes to this deployment group."""
        return (self.application_name, self.deployment_group_name) == (application, group)

    def overview(self) -> dict[str, int]:
        """How many targets are in which status."""
        statuses = [target.status for target in self.targets.values()]
        return {
            name: statuses.count(name) for name in ("Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Ready")
        }

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """Come to an end."""
        self.info |= {"status": status, "completeTime": utcnow()}
        if code:
            self.info["errorInformation"] = {"code": code, "message": message}


def new_id() -> str:
    """An id as CodeDeploy's are: d- and nine capitals or digits."""
    return "d-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(9))


def page(found: list[Any], token: str | None) -> tuple[list[Any], str | None]:
    """One page of a list, and the token of the next."""
    start = int(token or 0)
    return found[start : start + PAGE], str(start + PAGE) if len(found) > start + PAGE else None
