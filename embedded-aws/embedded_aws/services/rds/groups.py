"""Subnet groups over several zones, and parameter groups with the parameters set in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.rds.models import DBSubnetGroup, RDSBackend
from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds.engines import VERSIONS, families

DEFAULT = "default."
_moto_subnets = DBSubnetGroup.subnets


def _subnets(group: Any) -> list[dict[str, Any]]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Subnet.html (SubnetOutpost, empty in a region)."""
    return [{**subnet, "SubnetOutpost": {}} for subnet in _moto_subnets.fget(group)]


DBSubnetGroup.subnets = property(_subnets, _moto_subnets.fset)


@patch(RDSResponse, "create_db_subnet_group")
def create_db_subnet_group(moto: Method, response: Any) -> Any:
    """Require a new name, and subnets in at least two zones.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
    """
    name = response.params["DBSubnetGroupName"]
    if name in response.backend.subnet_groups:
        raise ServiceError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name.lower()}' already exists.")
    _validate_subnets(response)
    return moto(response)


@patch(RDSResponse, "modify_db_subnet_group")
def modify_db_subnet_group(moto: Method, response: Any) -> Any:
    """Keep the group under its name; moto drops it.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSubnetGroup.html
    """
    rds, name = response.backend, response.params["DBSubnetGroupName"]
    (group,) = rds.describe_db_subnet_groups(name)
    _validate_subnets(response)
    result = moto(response)
    rds.subnet_groups[name] = group
    return result


def _validate_subnets(response: Any) -> None:
    ids = response.params.get("SubnetIds", [])
    ec2 = backends.backend("ec2", response.region)
    try:
        subnets = [ec2.get_subnet(subnet_id) for subnet_id in ids]
    except EC2ClientError:
        raise ServiceError("InvalidParameterValue", f"Some input subnets in :[{', '.join(ids)}] are invalid.") from None
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise ServiceError("InvalidSubnet", "The specified subnets are not all in a common VPC.")
    zones = sorted({subnet.availability_zone for subnet in subnets})
    if len(zones) < 2:
        reason = "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement."
        what = f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least 2 AZs."
        raise ServiceError("DBSubnetGroupDoesNotCoverEnoughAZs", f"{reason} {what}")


@patch(RDSBackend, "delete_subnet_group")
def delete_subnet_group(moto: Method, rds: Any, subnet_name: str) -> Any:
    """Refuse while a database is in the group.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html
    """
    for database in rds.databases.values():
        if (vars(database).get("_db_subnet_group_name") or "").lower() == subnet_name.lower():
            user = f"at least one database instance: {database.db_instance_identifier} is still using it."
            reason = f"Cannot delete the subnet group '{subnet_name.lower()}' because {user}"
            raise ServiceError("InvalidDBSubnetGroupStateFault", reason)
    return moto(rds, subnet_name)


@patch(RDSBackend, "create_db_parameter_group")
def create_db_parameter_group(moto: Method, rds: Any, params: Any) -> Any:
    """Require a new name and a known family.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html
    """
    name, family = params["db_parameter_group_name"], params.get("db_parameter_group_family") or ""
    if name in rds.db_parameter_groups:
        raise ServiceError("DBParameterGroupAlreadyExists", f"Parameter group {name.lower()} already exists")
    if family.startswith(tuple(VERSIONS)) and family not in families():
        reason = f"ParameterGroupFamily {family} is not a valid parameter group family"
        raise ServiceError("InvalidParameterValue", reason)
    return moto(rds, params)


@patch(RDSBackend, "describe_db_parameter_groups")
def describe_db_parameter_groups(moto: Method, rds: Any, params: Any) -> Any:
    """Look names up case-insensitively; an unknown name is an error.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBParameterGroups.html
    """
    name = params.get("db_parameter_group_name")
    if not name:
        return moto(rds, params)
    if name not in rds.db_parameter_groups:
        raise ServiceError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    return [rds.db_parameter_groups[name]]


@patch(RDSBackend, "delete_db_parameter_group")
def delete_db_parameter_group(moto: Method, rds: Any, name: str) -> Any:
    """Refuse while a database uses the group, and for default groups.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBParameterGroup.html
    """
    if name.lower().startswith(DEFAULT):
        raise ServiceError("InvalidDBParameterGroupState", f"Default DBParameterGroup cannot be deleted: {name}")
    for database in rds.databases.values():
        if (database.db_parameter_group_name or "").lower() == name.lower():
            members = f"One or more database instances are still members of this parameter group {name.lower()}"
            raise ServiceError("InvalidDBParameterGroupState", f"{members}, so the group cannot be deleted")
    return moto(rds, name)


@patch(RDSBackend, "modify_db_parameter_group")
def modify_db_parameter_group(moto: Method, rds: Any, name: str, parameters: Any) -> Any:
    """Refuse changes of default groups.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/parameter-groups-overview.html
    https://github.com/ankane/pghero/issues/66 (AWS's message)
    """
    if name.lower().startswith(DEFAULT):
        raise ServiceError("InvalidParameterValue", "Cannot modify a default parameter group.")
    return moto(rds, name, parameters)


@patch(RDSResponse, "describe_db_parameters")
def describe_db_parameters(moto: Method, response: Any) -> Any:
    """Return the parameters that were set, with the source `user`; the engine's defaults are not known here.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBParameters.html (Source)
    """
    (group,) = response.backend.describe_db_parameter_groups(
        {"db_parameter_group_name": response.params["DBParameterGroupName"]}
    )
    if response.params.get("Source") not in (None, "user"):
        return ActionResult({"Parameters": []})
    parameters = [{"Source": "user", "IsModifiable": True, **parameter} for parameter in group.parameters.values()]
    return ActionResult({"Parameters": parameters})


@add_method(RDSResponse)
def reset_db_parameter_group(response: Any) -> Any:
    """Reset the named parameters, or all, to the defaults of the engine.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ResetDBParameterGroup.html
    """
    name, named = response.params["DBParameterGroupName"], response.params.get("Parameters") or []
    (group,) = response.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    reset_all = response.params.get("ResetAllParameters", not named)
    if reset_all and named:
        reason = "The parameter ResetAllParameters must be false when you specify Parameters."
        raise ServiceError("InvalidParameterCombination", reason)
    for parameter in list(group.parameters) if reset_all else [one["ParameterName"] for one in named]:
        group.parameters.pop(parameter, None)
    return ActionResult({"DBParameterGroupName": group.name})


@patch(RDSBackend, "iter_tagged_resources")
def iter_tagged_resources(moto: Method, rds: Any) -> Iterator[Any]:
    """List also subnet groups and parameter groups.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
    """
    yield from moto(rds)
    for group in (*rds.subnet_groups.values(), *rds.db_parameter_groups.values()):
        tags = {tag["Key"]: tag["Value"] for tag in group.get_tags()}
        yield TaggedResource(arn=group.arn, tags=tags, resource_type=f"rds:{group.resource_type}")
