"""Versions, parameter group families and node types of ElastiCache's engines."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.patching import add_method
from embedded_aws.service_error import ServiceError

# The latest patch of each minor version, the oldest first.
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html
VERSIONS = {
    "valkey": ("7.2.6", "8.0.1", "8.1.0", "8.2.0"),
    "redis": ("6.2.6", "7.0.7", "7.1.0"),
}
FAMILIES = {"valkey": {"7": "valkey7", "8": "valkey8"}, "redis": {"6": "redis6.x", "7": "redis7"}}

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html
SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
ORDER = (*SIZES[:8], "10xlarge", *SIZES[8:], "24xlarge")
_BURST, _FROM_LARGE = SIZES[:3], SIZES[3:]
_INTEL = (*SIZES[3:7], "12xlarge", "24xlarge")
NODE_SIZES = {
    **dict.fromkeys(("t2", "t3", "t4g"), _BURST),
    "m4": (*SIZES[3:7], "10xlarge"),
    "r4": (*SIZES[3:8], "16xlarge"),
    **dict.fromkeys(("m5", "r5"), _INTEL),
    **dict.fromkeys(("m6g", "m7g", "r6g", "r7g", "c7gn"), _FROM_LARGE),
    "r6gd": SIZES[4:],
}
NODE_TYPES = {f"cache.{prefix}.{size}": ORDER.index(size) for prefix, sizes in NODE_SIZES.items() for size in sizes}

VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"


def resolve_version(engine: str, requested: str | None) -> str:
    """Return the full version for one such as `8.0`; without one, the latest.

    A patch version cannot be requested: https://github.com/crossplane-contrib/provider-aws/issues/1617
    """
    known = VERSIONS[engine]
    if not requested:
        return known[-1]
    if re.fullmatch(r"\d+\.\d+\.\d+", requested) and requested in known:
        minor = requested.rpartition(".")[0]
        raise ServiceError(VALUE, f"Specific version selection is not allowed for '{requested}', please use '{minor}'")
    wanted = requested.removesuffix("x")  # 6.x is the last 6
    matching = [
        version for version in known if f"{version}.".startswith(wanted if wanted != requested else f"{requested}.")
    ]
    if not matching:
        raise ServiceError(COMBINATION, f"Cannot find version {requested} for {engine}")
    return matching[-1]


def family(engine: str, version: str) -> str:
    """Return the parameter group family of a full version."""
    return FAMILIES[engine][version.partition(".")[0]]


def families() -> list[str]:
    """Return all parameter group families."""
    return [name for known in FAMILIES.values() for name in known.values()]


def validate_node_type(name: str | None) -> None:
    """Require a known node type.

    Raises:
        ServiceError: The node type is missing or unknown.
    """
    if not name:
        raise ServiceError(VALUE, "The parameter CacheNodeType must be provided and must not be null.")
    if name not in NODE_TYPES:
        raise ServiceError(VALUE, f"Invalid cache node type: {name}.")


@add_method(ElastiCacheResponse)
def describe_cache_engine_versions(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheEngineVersions.html."""
    params = response.params
    versions = [
        {
            "Engine": engine,
            "EngineVersion": version.rpartition(".")[0],
            "CacheParameterGroupFamily": family(engine, version),
            "CacheEngineDescription": engine.capitalize(),
            "CacheEngineVersionDescription": f"{engine.capitalize()} version {version}",
        }
        for engine, versions in VERSIONS.items()
        for version in (versions[-1:] if params.get("DefaultOnly") else versions)
    ]
    return ActionResult({"CacheEngineVersions": [one for one in versions if _matches(one, params)]})


def _matches(version: dict[str, str], params: Any) -> bool:
    filters = ("Engine", "EngineVersion", "CacheParameterGroupFamily")
    return all(not params.get(name) or params[name] == version[name] for name in filters)
