"""Validation of names, passwords and zones of RDS.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from moto.rds.models import RDSBackend
from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds.engines import VERSIONS

VALUE = "InvalidParameterValue"
IDENTIFIER = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")
USER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,15}")
DATABASE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
SUBNET_GROUP = re.compile(r"[A-Za-z][A-Za-z0-9._ -]*")
PORTS = range(1150, 65536)
MAX_PASSWORD_LENGTH = {"mysql": 41, "mariadb": 41, "postgres": 128}
RESERVED = {"mysql": ("rdsadmin",), "mariadb": ("rdsadmin",), "postgres": ("rdsadmin", "admin")}
# Prefixes of parameter group families, including engines that are not supported here.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html (DBParameterGroupFamily)
ENGINES = (*VERSIONS, "aurora-", "custom-", "db2-", "neptune", "docdb", "oracle-", "sqlserver-")


@patch(RDSResponse, "create_db_instance")
def create_db_instance(moto: Method, response: Any) -> Any:
    """Validate a new database; of an instance of a cluster only its identifier."""
    params = response.params
    validate_identifier("DBInstanceIdentifier", params["DBInstanceIdentifier"], 63)
    if params["Engine"] in VERSIONS and not params.get("DBClusterIdentifier"):
        _validate_names(params)
        _validate_password(params["Engine"], params.get("MasterUserPassword"))
        _validate_max_storage(params.get("AllocatedStorage"), params.get("MaxAllocatedStorage"))
        _validate_zone(response, params.get("AvailabilityZone"))
    return moto(response)


@patch(RDSResponse, "modify_db_instance")
def modify_db_instance(moto: Method, response: Any) -> Any:
    """Validate a new password and storage limit."""
    params = response.params
    (database,) = response.backend.describe_db_instances(params["DBInstanceIdentifier"])
    if database.engine in VERSIONS and database.db_cluster_identifier is None:
        _validate_password(database.engine, params.get("MasterUserPassword"))
        size = params.get("AllocatedStorage") or database.allocated_storage
        _validate_max_storage(size, params.get("MaxAllocatedStorage"))
    return moto(response)


def validate_identifier(field: str, name: str, max_length: int) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.Constraints."""
    if len(name) > max_length or not IDENTIFIER.fullmatch(name):
        letters = "Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens;"
        hyphens = "and must not end with a hyphen or contain two consecutive hyphens."
        raise ServiceError(VALUE, f"The parameter {field} is not a valid identifier. {letters} {hyphens}")


def _validate_names(params: Mapping[str, Any]) -> None:
    engine, user, name, port = (params.get(key) for key in ("Engine", "MasterUsername", "DBName", "Port"))
    if user and str(user).lower() in RESERVED[str(engine)]:
        raise ServiceError(VALUE, f"MasterUsername {user} cannot be used as it is a reserved word used by the engine")
    if user and not USER.fullmatch(user):
        signs = "1 to 16 letters, numbers, or underscores"
        raise ServiceError(VALUE, f"The parameter MasterUsername must begin with a letter and contain {signs}.")
    if name and not DATABASE.fullmatch(name):
        raise ServiceError(VALUE, "DBName must begin with a letter and contain only alphanumeric characters.")
    if port is not None and int(port) not in PORTS:
        raise ServiceError(VALUE, f"Invalid port value: {port}. Must be between {PORTS[0]} and {PORTS[-1]}.")


def _validate_password(engine: str, password: str | None) -> None:
    reason = "The parameter MasterUserPassword is not a valid password"
    if password is None:
        return
    if len(password) < 8:
        raise ServiceError(VALUE, f"{reason} because it is shorter than 8 characters.")
    if len(password) > MAX_PASSWORD_LENGTH[engine]:
        raise ServiceError(VALUE, f"{reason} because it is longer than {MAX_PASSWORD_LENGTH[engine]} characters.")
    if not all("!" <= sign <= "~" and sign not in '/@"' for sign in password):
        raise ServiceError(VALUE, f"{reason}. Only printable ASCII characters besides '/', '@', '\"', ' ' may be used.")


def _validate_max_storage(size: Any, maximum: Any) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html."""
    if maximum is not None and size is not None and int(maximum) <= int(size):
        reason = "Max storage size must be greater than storage size"
        raise ServiceError("InvalidParameterCombination", reason)


def _validate_zone(response: Any, zone: str | None) -> None:
    known = [one.name for one in backends.backend("ec2", response.region).describe_availability_zones()]
    if zone and zone not in known:
        raise ServiceError(VALUE, f"{zone} is not a valid availability zone.")


@patch(RDSBackend, "create_db_parameter_group")
def create_db_parameter_group(moto: Method, rds: Any, params: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html."""
    validate_identifier("DBParameterGroupName", params["db_parameter_group_name"], 255)
    family = params.get("db_parameter_group_family") or ""
    if not family.startswith(ENGINES):
        raise ServiceError(VALUE, f"ParameterGroupFamily {family} is not a valid parameter group family")
    return moto(rds, params)


@patch(RDSResponse, "create_db_subnet_group")
def create_db_subnet_group(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html."""
    name = response.params["DBSubnetGroupName"]
    if name.lower() == "default" or len(name) > 255 or not SUBNET_GROUP.fullmatch(name):
        raise ServiceError(VALUE, f"The parameter DBSubnetGroupName is not valid: {name}")
    return moto(response)
