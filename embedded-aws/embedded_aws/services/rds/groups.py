"""What databases stand in: subnet groups over several zones, and parameter groups with what was set in them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds.engines import VERSIONS, families

DEFAULT = "default."


@patch(RDSResponse, "create_db_subnet_group")
def create_db_subnet_group(moto: Method, response: Any) -> Any:
    """A name is taken once, and the subnets are in two zones at least.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
    """
    name = response.params["DBSubnetGroupName"]
    if name in response.backend.subnet_groups:
        raise ServiceError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name.lower()}' already exists.")
    _refuse_subnets(response)
    return moto(response)


@patch(RDSResponse, "modify_db_subnet_group")
def modify_db_subnet_group(moto: Method, response: Any) -> Any:
    """The group stays, under its name; moto drops it.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSubnetGroup.html
    """
    rds, name = response.backend, response.params["DBSubnetGroupName"]
    (group,) = rds.describe_db_subnet_groups(name)
    _refuse_subnets(response)
    result = moto(response)
    rds.subnet_groups[name] = group
    return result


def _refuse_subnets(response: Any) -> None:
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
        why = "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement."
        what = f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least 2 AZs."
        raise ServiceError("DBSubnetGroupDoesNotCoverEnoughAZs", f"{why} {what}")


@patch(RDSBackend, "delete_subnet_group")
def delete_subnet_group(moto: Method, rds: Any, subnet_name: str) -> Any:
    """Not while a database is in it.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBSubnetGroup.html
    """
    for database in rds.databases.values():
        if (vars(database).get("_db_subnet_group_name") or "").lower() == subnet_name.lower():
            user = f"at least one database instance: {database.db_instance_identifier} is still using it."
            why = f"Cannot delete the subnet group '{subnet_name.lower()}' because {user}"
            raise ServiceError("InvalidDBSubnetGroupStateFault", why)
    return moto(rds, subnet_name)


@patch(RDSBackend, "create_db_parameter_group")
def create_db_parameter_group(moto: Method, rds: Any, sent: Any) -> Any:
    """A name is taken once, and the family is one that RDS has.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html
    """
    name, family = sent["db_parameter_group_name"], sent.get("db_parameter_group_family") or ""
    if name in rds.db_parameter_groups:
        raise ServiceError("DBParameterGroupAlreadyExists", f"Parameter group {name.lower()} already exists")
    if family.startswith(tuple(VERSIONS)) and family not in families():
        why = f"ParameterGroupFamily {family} is not a valid parameter group family"
        raise ServiceError("InvalidParameterValue", why)
    return moto(rds, sent)


@patch(RDSBackend, "describe_db_parameter_groups")
def describe_db_parameter_groups(moto: Method, rds: Any, asked: Any) -> Any:
    """A name is found in any case, and one that does not exist is an error.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBParameterGroups.html
    """
    name = asked.get("db_parameter_group_name")
    if not name:
        return moto(rds, asked)
    if name not in rds.db_parameter_groups:
        raise ServiceError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}")
    return [rds.db_parameter_groups[name]]


@patch(RDSBackend, "delete_db_parameter_group")
def delete_db_parameter_group(moto: Method, rds: Any, name: str) -> Any:
    """Not while a database uses it, and never one of RDS's own.

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
    """RDS's own groups are as they are.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/parameter-groups-overview.html
    https://github.com/ankane/pghero/issues/66 has AWS's words.
    """
    if name.lower().startswith(DEFAULT):
        raise ServiceError("InvalidParameterValue", "Cannot modify a default parameter group.")
    return moto(rds, name, parameters)


@patch(RDSResponse, "describe_db_parameters")
def describe_db_parameters(moto: Method, response: Any) -> Any:
    """What was set has the source `user`; what the engine has by itself is not known here.

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
    """Parameters go back to what the engine has: those that are named, or all.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ResetDBParameterGroup.html
    """
    name, named = response.params["DBParameterGroupName"], response.params.get("Parameters") or []
    (group,) = response.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    everything = response.params.get("ResetAllParameters", not named)
    if everything and named:
        why = "The parameter ResetAllParameters must be false when you specify Parameters."
        raise ServiceError("InvalidParameterCombination", why)
    for parameter in list(group.parameters) if everything else [one["ParameterName"] for one in named]:
        group.parameters.pop(parameter, None)
    return ActionResult({"DBParameterGroupName": group.name})
