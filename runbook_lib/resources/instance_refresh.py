"""An instance refresh: Auto Scaling replaces the servers that an older version of the template launched."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .auto_scaling_group import AutoScalingGroup, find_scaling_group
from .base import Ids, Observed, Resource, kind
from .launch_template import LaunchTemplate
from .template_versions import find_versions, state_of

_ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")
PAUSE = 120
"""Seconds at a checkpoint: a few rounds of the load balancer's health checks, and time to cancel the refresh.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (CheckpointDelay)
"""
_NO_VERSION = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound")


@kind
class InstanceRefresh(Resource):
    """That every server of the group is launched as the template says.

    A new version of a template changes no server that exists.  The refresh launches a new server,
    waits until it is healthy and warmed up, and then terminates an old one.  It pauses at checkpoints,
    the first after one server, where it can still be cancelled.  One that is in progress is waited
    for; Auto Scaling has one at a time.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-adding-checkpoints-instance-refresh.html

    Its fields are those of the template; their observed values are those of the servers that differ.
    """

    servers: AutoScalingGroup
    template: LaunchTemplate

    inherent = True
    implicit = True
    update_when_ready = True
    eventual_errors = frozenset({"InstanceRefreshInProgress", "ResourceContention"})
    wait_timeout = 7200
    usual_wait = "1 min and the grace period for each server"  # 60 s from launch to InService
    if_failed = "Correct params/ or the release, then apply again. There is nothing to destroy."

    needs = (
        to_look("autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes"),
        to_look("ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates"),
        to_apply(
            "autoscaling:StartInstanceRefresh",
            on="autoscaling:autoScalingGroup:*:autoScalingGroupName/{env}-{self.servers.name}",
        ),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect of each server what the launch template says."""
        return self.template.desired(ids)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Compare the servers with the launch template; after a failed refresh, look a second time."""
        observed = self._observe(snapshot, ids)
        # The servers may have been read before the refresh ended: look again.
        return self._observe(Snapshot(snapshot.aws), ids) if observed and observed.failed else observed

    def _observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        group, versions = find_scaling_group(snapshot, self.servers), find_versions(snapshot, self.template.key)
        if group is None or group.get("Status") or versions is None:
            return None
        wanted, default = self.desired(ids), versions.default
        last = _last_refresh(snapshot, group["AutoScalingGroupName"])
        version_of = {i["InstanceId"]: _version(i, versions.template_id) for i in group["Instances"] if _stays(i)}
        states = {
            number: default.state if number == default.number else _read_state(snapshot, versions.template_id, number)
            for number in set(version_of.values())
        }
        old = {server: number for server, number in version_of.items() if states[number] != wanted}
        active = last is not None and last["Status"] in _ACTIVE
        note = f"{_list_servers(old)}; the template's version is {default.number}" if old else ""
        checkpoints = choose_checkpoints(len(version_of))
        if old and checkpoints:
            note += f"; replacing them pauses for {PAUSE} s at {' and '.join(f'{c} %' for c in checkpoints[:-1])}"
        return Observed(
            group["AutoScalingGroupName"],
            {name: _shown([states[number].get(name) for number in old.values()], wanted[name]) for name in wanted},
            ready=not active,
            status=_describe(last) if last and active else f"{len(version_of) - len(old)} of {len(version_of)} current",
            # What an earlier version of the template led to is history.
            failed=_failure(last, note) if last and old and not active and last["StartTime"] >= default.created else "",
            note=note,
            step=last["InstanceRefreshId"] if last else "",
            detail={"_checkpoints": checkpoints} | ({"refresh": last["InstanceRefreshId"]} if last else {}),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Never called: a new group's servers are launched from the newest version."""
        raise NotImplementedError(f"{self.key} is never created")

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Start a refresh that replaces the servers that differ, with pauses at its checkpoints."""
        checkpoints = observed.detail["_checkpoints"]
        pauses = {"CheckpointPercentages": checkpoints, "CheckpointDelay": PAUSE} if checkpoints else {}
        aws.autoscaling.start_instance_refresh(
            AutoScalingGroupName=observed.id,
            # With 100 % a new server is launched before an old one is terminated.  A refresh that
            # follows an interrupted one replaces only what is left.
            # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html
            Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110, "SkipMatching": True} | pauses,
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called: the servers are deleted with their group."""


def choose_checkpoints(servers: int) -> list[int]:
    """The percentages at which a refresh of so many servers pauses; empty for one server, which is all at once.

    After the first server: what is wrong with the template shows there, and on no other one.  After
    half of them, from four servers on: by then what shows only under load does, and half still serves.
    """
    if servers < 2:
        return []
    first = max(1, 100 // servers)
    return [first, 50, 100] if servers >= 4 else [first, 100]


def _stays(instance: ApiObject) -> bool:
    return not instance["LifecycleState"].startswith("Terminat")


def _version(instance: ApiObject, template: str) -> str:
    """The version of the template that launched a server; empty for a server from elsewhere."""
    origin = instance.get("LaunchTemplate") or {}
    return str(origin.get("Version", "")) if origin.get("LaunchTemplateId") == template else ""


def _read_state(snapshot: Snapshot, template: str, version: str) -> dict[str, Any]:
    if not version:
        return {}
    answer = snapshot.get(
        "ec2", "describe_launch_template_versions", missing=_NO_VERSION, LaunchTemplateId=template, Versions=[version]
    )
    found = (answer or {}).get("LaunchTemplateVersions", [])
    return state_of(found[0]["LaunchTemplateData"]) if found else {}


def _shown(values: list[Any], wanted: Any) -> Any:
    """The value that differs, or all of them; the wanted one where none differs."""
    others = [value for value in dict.fromkeys(values) if value != wanted]
    return wanted if not others else others[0] if len(others) == 1 else sorted(others, key=str)


def _list_servers(old: dict[str, str]) -> str:
    return ", ".join(
        f"{server} runs {f'version {number}' if number else 'no version of the template'}"
        for server, number in sorted(old.items())
    )


def _last_refresh(snapshot: Snapshot, group: str) -> ApiObject | None:
    """The newest refresh; AWS lists the newest first."""
    missing = "ValidationError"  # the group is gone
    answer = snapshot.get(
        "autoscaling", "describe_instance_refreshes", missing=missing, AutoScalingGroupName=group, MaxRecords=1
    )
    refreshes = (answer or {}).get("InstanceRefreshes", [])
    return refreshes[0] if refreshes else None


def _describe(refresh: ApiObject) -> str:
    share = f", {refresh['PercentageComplete']} %" if "PercentageComplete" in refresh else ""
    share += _describe_checkpoint(refresh)
    reason = f": {refresh['StatusReason']}" if refresh.get("StatusReason") else ""
    return f"refresh {refresh['InstanceRefreshId']} {refresh['Status']}{share}{reason}"


def _describe_checkpoint(refresh: ApiObject) -> str:
    """At which checkpoint it may be waiting; AWS shows only how far it is."""
    preferences, done = refresh.get("Preferences", {}), refresh.get("PercentageComplete", 0)
    passed = [checkpoint for checkpoint in preferences.get("CheckpointPercentages", ()) if checkpoint <= done < 100]
    if not passed or refresh["Status"] != "InProgress":
        return ""
    return f", past the checkpoint at {passed[-1]} % with its pause of {preferences.get('CheckpointDelay')} s"


def _failure(refresh: ApiObject, note: str) -> str:
    """Why servers are old although they were refreshed from this version of the template."""
    return f"{_describe(refresh)}\n{note}"
