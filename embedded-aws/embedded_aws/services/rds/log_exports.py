"""Log exports: the last log events of a deleted database arrive late, and then RDS creates its log group again.

Such a group has no tags, and keeps its events for ever.
https://github.com/hashicorp/terraform-provider-aws/issues/42858
https://github.com/terraform-aws-modules/terraform-aws-rds/issues/419
"""

from __future__ import annotations

from typing import Any

from moto.rds.models import RDSBackend

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, attach_dict, patch

LATE = "late"


@patch(RDSBackend, "delete_db_instance")
def delete_db_instance(moto: Method, rds: Any, **params: Any) -> Any:
    """Let each exported log have an event on its way; at pace 0 there is none."""
    database = moto(rds, **params)
    late_events = attach_dict(backends.backend("logs", rds.region_name), "late_database_events")
    for log in database.enabled_cloudwatch_logs_exports or ():
        if transition := pacing.new_transition(LATE, "database_log", "delete"):
            late_events[f"/aws/rds/instance/{database.db_instance_identifier}/{log}"] = transition
    return database


def tick() -> bool:
    """Write the events that have arrived; return whether there were any."""
    return any([_write_events(logs) for logs in backends.existing("logs")])


def _write_events(logs: Any) -> bool:
    late_events = attach_dict(logs, "late_database_events")
    arrived = [name for name, transition in late_events.items() if not pacing.is_in_progress(transition)]
    for name in arrived:
        del late_events[name]
        if name not in logs.groups:
            logs.create_log_group(name, {})
    return bool(arrived)
