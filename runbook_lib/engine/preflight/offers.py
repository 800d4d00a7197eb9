"""Whether AWS offers what a plan launches: image, instance type, and classes of databases and caches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...resources.base import Resource
from ...resources.cache_replication_group import CacheReplicationGroup
from ...resources.db_instance import DbInstance
from ...resources.instance import Instance
from ...resources.launch_template import LaunchTemplate
from ..plan import Action, Change
from .row import FAILED, NOT_ASKED, PASSED, Prerequisite

_FIELDS = {"image", "instance_type", "instance_class", "engine_version", "multi_az", "node_type"}
"""Fields that AWS is asked about by ``Resource.foresee_refusal``."""


def check_offers(changes: Iterable[Change]) -> Iterator[Prerequisite]:
    """Report what the plan has asked AWS about already: it costs no call."""
    for change in changes:
        wanted = _describe(change.resource)
        if not wanted or not (_FIELDS & change.fields.keys() or change.refusal):
            continue
        name = f"offered: {change.key}"
        if change.refusal:
            yield Prerequisite(name, FAILED, change.refusal.reason, change.refusal.fix)
        elif isinstance(change.resource, CacheReplicationGroup) and change.action is Action.CREATE:
            yield Prerequisite(name, NOT_ASKED, f"ElastiCache has no call that tells whether it offers {wanted}")
        elif change.action in (Action.CREATE, Action.UPDATE):
            yield Prerequisite(name, PASSED, f"AWS offers {wanted}")


def _describe(resource: Resource) -> str:
    match resource:
        case LaunchTemplate():
            return f"{resource.instance_type} in {', '.join(resource.zones)}, and has the image"
        case Instance():
            return f"{resource.instance_type} in {resource.subnet.zone}, and has the image"
        case DbInstance():
            return f"{resource.instance_class} with MySQL {resource.engine_version}"
        case CacheReplicationGroup():
            return resource.node_type
    return ""
