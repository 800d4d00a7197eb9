"""A DB parameter group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .tagging import Tagging

_ON = "rds:pg:{env}-{self.name}"


@kind
class DbParameterGroup(Resource):
    """Settings of the database engine.

    Args:
        family: Engine and version, e.g. ``mysql8.4``.
        parameters: Names and values as RDS keeps them: a switch is ``"1"`` or ``"0"``, although
            MySQL shows ON.
            https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html
    """

    family: str
    parameters: tuple[tuple[str, str], ...]

    immutable = frozenset({"family"})

    needs = (
        to_look("rds:DescribeDBParameterGroups", "rds:DescribeDBParameters", "rds:ListTagsForResource", on="rds:pg:*"),
        to_apply(
            "rds:AddTagsToResource", "rds:CreateDBParameterGroup", "rds:ModifyDBParameterGroup",
            "rds:ResetDBParameterGroup", on=_ON,
        ),
        to_destroy("rds:DeleteDBParameterGroup", on=_ON),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the family and the parameters."""
        return {"family": self.family, "parameters": frozenset(self.parameters)}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group up by its name, with the parameters that are set or that we want."""
        name = snapshot.aws.name(self)
        groups = snapshot.all("rds", "describe_db_parameter_groups", "DBParameterGroups")
        group = {g["DBParameterGroupName"]: g for g in groups}.get(name)
        if group is None:
            return None
        gone = ("DBParameterGroupNotFound", "DBParameterGroupNotFoundFault")
        tags = snapshot.get("rds", "list_tags_for_resource", missing=gone, ResourceName=group["DBParameterGroupArn"])
        if not is_owned(snapshot, self, tags, "TagList"):
            return None
        # All of them, not only source=user: RDS does not report a parameter as set by a user
        # when its value is the default. https://github.com/hashicorp/terraform-provider-aws/issues/23335
        wanted = dict(self.parameters)
        values = frozenset(
            (p["ParameterName"], p["ParameterValue"])
            for p in snapshot.all("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=name)
            if "ParameterValue" in p and (p["Source"] == "user" or p["ParameterName"] in wanted)
        )
        state = {"family": group["DBParameterGroupFamily"], "parameters": values}
        tagging = Tagging.of("rds", group["DBParameterGroupArn"], tags, "TagList")
        return Observed(name, state, tagging=tagging)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create an empty group; an update sets its parameters."""
        aws.rds.create_db_parameter_group(
            DBParameterGroupName=aws.name(self),
            DBParameterGroupFamily=self.family,
            Description=f"Settings of {aws.name(self)}",
            Tags=aws.tags(self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set what differs and reset what is too much, twenty in a call; static ones wait for the next reboot."""
        has: frozenset[tuple[str, str]] = observed.state["parameters"]
        wanted = dict(self.parameters)
        known = aws.pages("rds", "describe_db_parameters", "Parameters", DBParameterGroupName=observed.id)
        static = {p["ParameterName"] for p in known if p.get("ApplyType") == "static"}

        def entry(name: str, **value: str) -> dict[str, str]:
            # A static parameter is taken only for the next reboot.
            return {"ParameterName": name, "ApplyMethod": "pending-reboot" if name in static else "immediate"} | value

        for some in _twenty(entry(name, ParameterValue=value) for name, value in set(wanted.items()) - has):
            aws.rds.modify_db_parameter_group(DBParameterGroupName=observed.id, Parameters=some)
        for some in _twenty(entry(name) for name, _ in has if name not in wanted):
            aws.rds.reset_db_parameter_group(
                DBParameterGroupName=observed.id, ResetAllParameters=False, Parameters=some
            )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group; RDS refuses while an instance uses it."""
        aws.rds.delete_db_parameter_group(DBParameterGroupName=observed.id)


def reboot_note(instance: ApiObject) -> str:
    """Which groups an available database reads with its next reboot only; empty when it has read all.

    A static parameter changes with a reboot. A first database may also start before RDS has completed a new group,
    which takes up to five minutes:
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html
    """
    groups = {group["DBParameterGroupName"]: group["ParameterApplyStatus"] for group in instance["DBParameterGroups"]}
    waiting = ", ".join(name for name, status in groups.items() if status == "pending-reboot")
    command = f"aws rds reboot-db-instance --db-instance-identifier {instance['DBInstanceIdentifier']}"
    return f"Parameters of {waiting} take effect with a reboot ({command})." if waiting else ""


def _twenty(entries: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries in portions that one call takes, in a lasting order.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBParameterGroup.html
    """
    ordered = sorted(entries, key=lambda entry: str(entry["ParameterName"]))
    for start in range(0, len(ordered), 20):
        yield ordered[start : start + 20]
