"""The instances of a deployment group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends
from embedded_aws.services.codedeploy.model import Fields


def instances_of(group: Fields) -> list[str]:
    """Return the ids of the running instances in the group's Auto Scaling groups, and of those that match its tags.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-tagging.html
    """
    scaling = backends.backend("autoscaling").autoscaling_groups
    members = [
        state.instance
        for name in (entry["name"] for entry in group["autoScalingGroups"])
        if name in scaling
        for state in scaling[name].active_instances()
    ]
    instances = [*members, *_instances_by_tags(group)]
    return list(dict.fromkeys(instance.id for instance in instances if instance.state == "running"))


def running_instances(instance_ids: tuple[str, ...]) -> list[str]:
    """Return the ids of those instances that are running."""
    instances = [backends.backend("ec2").get_instance_by_id(instance_id) for instance_id in instance_ids]
    return [instance.id for instance in instances if instance and instance.state == "running"]


def _instances_by_tags(group: Fields) -> Iterator[Any]:
    sets = (group.get("ec2TagSet") or {}).get("ec2TagSetList", [])
    if group["ec2TagFilters"]:
        sets = [group["ec2TagFilters"]]
    for instance in backends.backend("ec2").all_instances() if sets else []:
        tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
        if all(any(_matches_filter(tags, one) for one in any_of) for any_of in sets):
            yield instance


def _matches_filter(tags: dict[str, str], wanted: Fields) -> bool:
    key, value = wanted.get("Key"), wanted.get("Value")
    if wanted.get("Type") == "KEY_ONLY":
        return key in tags
    if wanted.get("Type") == "VALUE_ONLY":
        return value in tags.values()
    return key in tags and tags[key] == value
