"""Versions, parameter group families and node types of ElastiCache's engines."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.patching import add_method
from embedded_aws.service_error import ServiceError

# The last patch of each, oldest first.
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html
VERSIONS = {
    "valkey": ("7.2.6", "8.0.1", "8.1.0", "8.2.0"),
    "redis": ("6.2.6", "7.0.7", "7.1.0"),
}
FAMILIES = {"valkey": {"7": "valkey7", "8": "valkey8"}, "redis": {"6": "redis6.x", "7": "redis7"}}

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html
NODE_TYPE = re.compile(
    r"cache\.((t2|t3|t4g)\.(micro|small|medium)|(m[4-7]g?|r[4-7]g?|r6gd|c7gn)\.(large|(2|4|8|10|12|16|24)?xlarge))"
)

VALUE, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"


def whole_version(engine: str, asked: str | None) -> str:
    """The full version that is meant by `8.0`, or by nothing.

    A patch cannot be chosen: https://github.com/crossplane-contrib/provider-aws/issues/1617
    """
    known = VERSIONS[engine]
    if not asked:
        return known[-1]
    if re.fullmatch(r"\d+\.\d+\.\d+", asked) and asked in known:
        minor = asked.rpartition(".")[0]
        raise ServiceError(VALUE, f"Specific version selection is not allowed for '{asked}', please use '{minor}'")
    wanted = asked.removesuffix("x")  # 6.x is the last 6
    found = [version for version in known if f"{version}.".startswith(wanted if wanted != asked else f"{asked}.")]
    if not found:
        raise ServiceError(COMBINATION, f"Cannot find version {asked} for {engine}")
    return found[-1]


def family(engine: str, version: str) -> str:
    """The family that parameter groups of this version are of."""
    return FAMILIES[engine][version.partition(".")[0]]


def families() -> list[str]:
    """All that there are."""
    return [name for known in FAMILIES.values() for name in known.values()]


def refuse_node_type(name: str | None) -> None:
    """A class that is sold.

    Raises:
        ServiceError: It is missing, or there is none such.
    """
    if not name:
        raise ServiceError(VALUE, "The parameter CacheNodeType must be provided and must not be null.")
    if not NODE_TYPE.fullmatch(name):
        raise ServiceError(VALUE, f"Invalid cache node type: {name}.")


@add_method(ElastiCacheResponse)
def describe_cache_engine_versions(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheEngineVersions.html."""
    asked = response.params
    found = [
        {
            "Engine": engine,
            "EngineVersion": version.rpartition(".")[0],
            "CacheParameterGroupFamily": family(engine, version),
            "CacheEngineDescription": engine.capitalize(),
            "CacheEngineVersionDescription": f"{engine.capitalize()} version {version}",
        }
        for engine, versions in VERSIONS.items()
        for version in (versions[-1:] if asked.get("DefaultOnly") else versions)
    ]
    return ActionResult({"CacheEngineVersions": [one for one in found if _meets(one, asked)]})


def _meets(found: dict[str, str], asked: Any) -> bool:
    filters = ("Engine", "EngineVersion", "CacheParameterGroupFamily")
    return all(not asked.get(name) or asked[name] == found[name] for name in filters)
