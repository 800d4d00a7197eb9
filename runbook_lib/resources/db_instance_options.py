"""Whether RDS offers a combination of instance class, version of MySQL, storage and Multi-AZ."""

from __future__ import annotations

from ..aws.snapshot import ApiObject, Snapshot
from ..errors import RequestRejected
from .engine_versions import matches
from .predictions import Refusal

_LIST = "aws rds describe-orderable-db-instance-options --engine mysql"


def foresee_refusal(
    snapshot: Snapshot, instance_class: str, version: str, storage: str, multi_az: bool
) -> Refusal | None:
    """Why RDS would refuse the combination; ``None`` when it offers it.

    One read tells all: the options of the class, for every version.
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html
    """
    region = snapshot.aws.region
    options = _options(snapshot, instance_class)
    if not options:
        other = f"Write another one in data.instance_class in params/, from: {_LIST} --engine-version {version}."
        return Refusal(frozenset({"instance_class"}), f"RDS does not offer {instance_class} in {region}", other)
    of_version = [option for option in options if matches(option["EngineVersion"], version)]
    if not of_version:
        versions = ", ".join(sorted({option["EngineVersion"] for option in options}))
        return Refusal(
            frozenset({"engine_version", "instance_class"}),
            f"RDS does not offer MySQL {version} on {instance_class} in {region}, only {versions}",
            "Write another one in data.engine_version or data.instance_class in params/.",
        )
    other_class = f"Write another data.instance_class in params/, from: {_LIST} --engine-version {version}."
    with_storage = [option for option in of_version if option["StorageType"] == storage]
    if not with_storage:
        reason = f"RDS does not offer {storage} storage for MySQL {version} on {instance_class} in {region}"
        return Refusal(frozenset({"storage_type", "instance_class"}), reason, other_class)
    if multi_az and not any(option["MultiAZCapable"] for option in with_storage):
        reason = f"RDS does not offer Multi-AZ for MySQL {version} on {instance_class} in {region}"
        return Refusal(
            frozenset({"multi_az", "instance_class"}), reason, f"{other_class} Or write data.multi_az: false."
        )
    return None


def _options(snapshot: Snapshot, instance_class: str) -> list[ApiObject]:
    """The options of a class; none when RDS does not know it, which it may also say by an error."""
    try:
        return snapshot.all(
            "rds", "describe_orderable_db_instance_options", "OrderableDBInstanceOptions",
            Engine="mysql", DBInstanceClass=instance_class, Vpc=True,
        )  # fmt: skip
    except RequestRejected as error:
        if error.code != "InvalidParameterValue":
            raise
        return []
