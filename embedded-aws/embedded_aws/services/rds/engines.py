"""Versions, parameter group families and instance classes of RDS.

Versions as of the release notes; a major version alone means its default minor version:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html
https://docs.aws.amazon.com/AmazonRDS/latest/MariaDBReleaseNotes/mariadb-release-calendar.html
https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from moto.core.responses import PaginatedResult
from moto.rds.responses import RDSResponse

from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError

# Major version -> its minor versions, and the default one.
VERSIONS: dict[str, dict[str, tuple[range, int]]] = {
    "mysql": {
        "8.0": (range(37, 46), 43),
        "8.4": (range(3, 9), 6),
    },
    "mariadb": {
        "10.5": (range(25, 30), 29),
        "10.6": (range(18, 25), 23),
        "10.11": (range(8, 16), 14),
        "11.4": (range(3, 10), 8),
        "11.8": (range(3, 6), 3),
    },
    "postgres": {
        "13": (range(15, 24), 22),
        "14": (range(12, 22), 19),
        "15": (range(7, 17), 14),
        "16": (range(3, 13), 10),
        "17": (range(1, 9), 6),
        "18": (range(1, 4), 1),
    },
}
DEFAULT_MAJOR = {"mysql": "8.4", "mariadb": "11.8", "postgres": "17"}

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Support.html
SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
SMALL, LARGE = SIZES[:6], (*SIZES[3:], "24xlarge")
CLASSES = {
    **dict.fromkeys(("t3", "t4g"), SMALL),
    **dict.fromkeys(("m5", "m5d", "m6i", "m6id", "m6g", "m6gd", "m7i", "m7g", "m8g"), LARGE),
    **dict.fromkeys(("r5", "r5b", "r5d", "r6i", "r6id", "r6g", "r6gd", "r7i", "r7g", "r8g"), LARGE),
}
STORAGE_TYPES = ("standard", "gp2", "gp3", "io1", "io2")
LICENSE = {"mysql": "general-public-license", "mariadb": "general-public-license", "postgres": "postgresql-license"}
RETIRED = re.compile(r"db\.(t1|t2|m1|m2|m3|m4|r3|r4)\.(micro|small|medium|[0-9]*x?large)")


def resolve_version(engine: str, requested: str | None) -> str:
    """Return the full version for a full or major version; without one, the engine's default.

    Raises:
        ServiceError: The engine has no such version.
    """
    majors = VERSIONS[engine]
    requested = requested or DEFAULT_MAJOR[engine]
    if requested in majors:
        return f"{requested}.{majors[requested][1]}"
    major, _, minor = requested.rpartition(".")
    if major in majors and minor.isdecimal() and int(minor) in majors[major][0]:
        return requested
    raise ServiceError("InvalidParameterCombination", f"Cannot find version {requested} for {engine}")


def family(engine: str, version: str) -> str:
    """Return the parameter group family of a full version."""
    return f"{engine}{version.rpartition('.')[0]}"


def families() -> Iterator[str]:
    """Yield all parameter group families of the supported engines."""
    for engine, majors in VERSIONS.items():
        yield from (f"{engine}{major}" for major in majors)


def validate_class(name: str, engine: str, version: str, license_model: str) -> None:
    """Require an instance class that RDS offers.

    Raises:
        ServiceError: The class is unknown or retired.
    """
    if RETIRED.fullmatch(name):
        combination = f"DBInstanceClass={name}, Engine={engine}, EngineVersion={version}, LicenseModel={license_model}"
        reason = f"RDS does not support creating a DB instance with the following combination: {combination}."
        advice = "For supported combinations of instance class and database engine version, see the documentation."
        raise ServiceError("InvalidParameterCombination", f"{reason} {advice}")
    prefix, _, size = name.rpartition(".")
    if size not in CLASSES.get(prefix.removeprefix("db."), ()) or not prefix.startswith("db."):
        raise ServiceError("InvalidParameterValue", f"Invalid DB Instance class: {name}")


@add_method(RDSResponse)
def describe_db_engine_versions(response: Any) -> Any:
    """Return the versions that match the filters, or only the default ones.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBEngineVersions.html
    """
    params = response.params
    versions = [version for engine in VERSIONS for version in _versions(engine)]
    for name in ("Engine", "DBParameterGroupFamily"):
        versions = [version for version in versions if params.get(name) in (None, version[name])]
    if wanted := params.get("EngineVersion"):
        versions = [one for one in versions if wanted in (one["EngineVersion"], one["MajorEngineVersion"])]
    if params.get("DefaultOnly"):
        defaults = {resolve_version(engine, wanted or None) for engine in {version["Engine"] for version in versions}}
        versions = [version for version in versions if version["EngineVersion"] in defaults]
    return PaginatedResult({"DBEngineVersions": versions})


def _versions(engine: str) -> Iterator[dict[str, Any]]:
    for major, (minors, _) in VERSIONS[engine].items():
        for minor in minors:
            yield {
                "Engine": engine,
                "MajorEngineVersion": major,
                "EngineVersion": f"{major}.{minor}",
                "DBParameterGroupFamily": f"{engine}{major}",
                "Status": "available",
            }


@patch(RDSResponse, "describe_orderable_db_instance_options")
def describe_orderable_db_instance_options(moto: Method, response: Any) -> Any:
    """Return the instance classes of an engine; moto knows only those of Aurora and Neptune.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html
    """
    params = response.params
    engine = params["Engine"]
    if engine not in VERSIONS:
        return moto(response)
    if params.get("Vpc") is False or params.get("LicenseModel") not in (None, LICENSE[engine]):
        return PaginatedResult({"OrderableDBInstanceOptions": []})
    versions = [version["EngineVersion"] for version in _versions(engine)]
    classes = [f"db.{prefix}.{size}" for prefix, sizes in CLASSES.items() for size in sizes]
    options = [
        _option(engine, version, name, storage, response.region)
        for version in versions
        for name in classes
        for storage in STORAGE_TYPES
        if params.get("EngineVersion") in (None, version) and params.get("DBInstanceClass") in (None, name)
    ]
    return PaginatedResult({"OrderableDBInstanceOptions": options})


def _option(engine: str, version: str, name: str, storage: str, region: str) -> dict[str, Any]:
    """One option of a class; each storage type is one of its own."""
    return {
        "Engine": engine,
        "EngineVersion": version,
        "DBInstanceClass": name,
        "LicenseModel": LICENSE[engine],
        "AvailabilityZones": [{"Name": f"{region}{letter}"} for letter in "abc"],
        "MultiAZCapable": True,
        "ReadReplicaCapable": True,
        "Vpc": True,
        "SupportsStorageEncryption": True,
        "StorageType": storage,
        "SupportsIops": storage not in ("standard", "gp2"),
        "SupportsStorageThroughput": storage == "gp3",
        "SupportsEnhancedMonitoring": True,
        "SupportsIAMDatabaseAuthentication": True,
        "SupportsStorageAutoscaling": storage != "standard",
        "SupportsGlobalDatabases": False,
        "SupportsClusters": False,
        "SupportedNetworkTypes": ["IPV4", "DUAL"],
    }
