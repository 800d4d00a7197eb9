"""Parameter groups of caches, which moto lacks: created, modified, described, and not deleted while in use."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.patching import add_method, attach_dict
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache.engines import VALUE, families
from embedded_aws.services.elasticache.nodes import caches

DEFAULT = "default."
MAX_PARAMETERS = 20
POLICIES = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"
ON_OFF = "yes,no"

# Some modifiable parameters: default and allowed values; an empty string stands for numbers, None for any text.
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html
KNOWN = {
    "activedefrag": ("no", ON_OFF),
    "activerehashing": ("yes", ON_OFF),
    "close-on-replica-write": ("yes", ON_OFF),
    "databases": ("16", ""),
    "hash-max-listpack-entries": ("512", ""),
    "hash-max-listpack-value": ("64", ""),
    "lazyfree-lazy-eviction": ("yes", ON_OFF),
    "lazyfree-lazy-expire": ("yes", ON_OFF),
    "lazyfree-lazy-server-del": ("yes", ON_OFF),
    "lfu-decay-time": ("1", ""),
    "lfu-log-factor": ("10", ""),
    "maxmemory-policy": ("volatile-lru", POLICIES),
    "maxmemory-samples": ("3", ""),
    "notify-keyspace-events": ("", None),
    "reserved-memory-percent": ("25", ""),
    "set-max-intset-entries": ("512", ""),
    "slowlog-log-slower-than": ("10000", ""),
    "slowlog-max-len": ("128", ""),
    "tcp-keepalive": ("300", ""),
    "timeout": ("0", ""),
    "zset-max-listpack-entries": ("128", ""),
    "zset-max-listpack-value": ("64", ""),
}  # fmt: skip
AFTER_REBOOT = {"activerehashing", "databases"}


def values_of(elasticache: Any, name: str) -> dict[str, str]:
    """Return the parameters that were set in a group; none for default groups."""
    group = attach_dict(elasticache, "cache_parameter_groups").get(name)
    return dict(group["parameters"]) if group else {}


def family_of(elasticache: Any, name: str) -> str:
    """Return the family of a group.

    Raises:
        ServiceError: The group does not exist.
    """
    return str(_group(elasticache, name)["family"])


def arn_of(elasticache: Any, name: str) -> str:
    """Return the ARN of a group."""
    return f"arn:aws:elasticache:{elasticache.region_name}:{elasticache.account_id}:parametergroup:{name}"


def _group(elasticache: Any, name: str) -> dict[str, Any]:
    groups = attach_dict(elasticache, "cache_parameter_groups")
    if name.lower() in groups:
        return dict(groups[name.lower()], name=name.lower())
    if name.startswith(DEFAULT) and name.removeprefix(DEFAULT) in families():
        return _default(name.removeprefix(DEFAULT))
    raise ServiceError("CacheParameterGroupNotFound", f"CacheParameterGroup not found: {name}")


def _default(family: str) -> dict[str, Any]:
    about = f"Default parameter group for {family}"
    return {"name": f"{DEFAULT}{family}", "family": family, "description": about, "parameters": {}}


def _require_custom_group(response: Any, operation: str) -> dict[str, Any]:
    """Return the stored group of a request; default groups cannot be changed."""
    name = response.params["CacheParameterGroupName"]
    _group(response.elasticache_backend, name)
    if name.startswith(DEFAULT):
        reason = f"The operation {operation} is not permitted on default cache parameter groups: {name}"
        raise ServiceError(VALUE, reason)
    group: dict[str, Any] = attach_dict(response.elasticache_backend, "cache_parameter_groups")[name.lower()]
    return group


def _describe(elasticache: Any, group: dict[str, Any]) -> dict[str, Any]:
    return {
        "CacheParameterGroupName": group["name"],
        "CacheParameterGroupFamily": group["family"],
        "Description": group["description"],
        "IsGlobal": False,
        "ARN": arn_of(elasticache, group["name"]),
    }


@add_method(ElastiCacheResponse)
def create_cache_parameter_group(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheParameterGroup.html."""
    elasticache, params = response.elasticache_backend, response.params
    name, family = params["CacheParameterGroupName"].lower(), params["CacheParameterGroupFamily"]
    groups = attach_dict(elasticache, "cache_parameter_groups")
    if name in groups:
        raise ServiceError("CacheParameterGroupAlreadyExists", f"Parameter group {name} already exists")
    if family not in families():
        raise ServiceError(VALUE, f"CacheParameterGroupFamily {family} is not a valid parameter group family.")
    groups[name] = {"family": family, "description": params["Description"], "parameters": {}}
    if params.get("Tags"):
        elasticache.tagging_service.tag_resource(arn_of(elasticache, name), params["Tags"])
    return ActionResult({"CacheParameterGroup": _describe(elasticache, _group(elasticache, name))})


@add_method(ElastiCacheResponse)
def describe_cache_parameter_groups(response: Any) -> Any:
    """Return the groups, including the default ones.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameterGroups.html
    """
    elasticache, name = response.elasticache_backend, response.params.get("CacheParameterGroupName")
    own = [_group(elasticache, known) for known in attach_dict(elasticache, "cache_parameter_groups")]
    groups = [_group(elasticache, name)] if name else [*map(_default, families()), *own]
    return ActionResult({"CacheParameterGroups": [_describe(elasticache, group) for group in groups]})


@add_method(ElastiCacheResponse)
def modify_cache_parameter_group(response: Any) -> Any:
    """Set up to twenty known parameters.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html
    """
    group = _require_custom_group(response, "ModifyCacheParameterGroup")
    changes = response.params["ParameterNameValues"]
    if len(changes) > MAX_PARAMETERS:
        raise ServiceError(VALUE, f"A maximum of {MAX_PARAMETERS} parameters may be modified per request.")
    for change in changes:
        _validate_value(change["ParameterName"], change.get("ParameterValue", ""))
    group["parameters"] |= {change["ParameterName"]: change.get("ParameterValue", "") for change in changes}
    return ActionResult({"CacheParameterGroupName": response.params["CacheParameterGroupName"]})


def _validate_value(name: str, value: str) -> None:
    if name not in KNOWN:
        raise ServiceError(VALUE, f"Could not find parameter with name: {name}")
    allowed = KNOWN[name][1]
    right = allowed is None or (value.isdecimal() if allowed == "" else value in allowed.split(","))
    if not right:
        raise ServiceError(VALUE, f"Value of parameter {name} is not valid: {value}")


@add_method(ElastiCacheResponse)
def reset_cache_parameter_group(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ResetCacheParameterGroup.html."""
    group = _require_custom_group(response, "ResetCacheParameterGroup")
    named = response.params.get("ParameterNameValues") or []
    all_names = list(group["parameters"]) if response.params.get("ResetAllParameters") else []
    for name in all_names or [one["ParameterName"] for one in named]:
        group["parameters"].pop(name, None)
    return ActionResult({"CacheParameterGroupName": response.params["CacheParameterGroupName"]})


@add_method(ElastiCacheResponse)
def describe_cache_parameters(response: Any) -> Any:
    """Return the parameters; those that were set have the source `user`.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameters.html
    """
    params = response.params
    own = _group(response.elasticache_backend, params["CacheParameterGroupName"])["parameters"]
    parameters = [
        {
            "ParameterName": name,
            "ParameterValue": own.get(name, default),
            "Source": "user" if name in own else "system",
            "DataType": "integer" if allowed == "" else "string",
            "AllowedValues": allowed or ("0-" if allowed == "" else ".*"),
            "IsModifiable": True,
            "MinimumEngineVersion": "6.0.0",
            "ChangeType": "requires-reboot" if name in AFTER_REBOOT else "immediate",
        }
        for name, (default, allowed) in KNOWN.items()
    ]
    return ActionResult({"Parameters": [one for one in parameters if params.get("Source") in (None, one["Source"])]})


@add_method(ElastiCacheResponse)
def delete_cache_parameter_group(response: Any) -> Any:
    """Refuse while a cache uses the group.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheParameterGroup.html
    """
    elasticache, name = response.elasticache_backend, response.params["CacheParameterGroupName"].lower()
    _require_custom_group(response, "DeleteCacheParameterGroup")
    if any(cache.cache_parameter_group_name == name for cache in caches(elasticache)):
        members = f"One or more cache clusters are still members of this parameter group {name}"
        raise ServiceError("InvalidCacheParameterGroupState", f"{members}, so the group cannot be deleted.")
    del attach_dict(elasticache, "cache_parameter_groups")[name]
    elasticache.tagging_service.delete_all_tags_for_resource(arn_of(elasticache, name))
    return ActionResult({})
