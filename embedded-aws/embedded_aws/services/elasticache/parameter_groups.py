"""Parameter groups of caches, which moto has not: made, changed, read back, and kept while they are used."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.patching import add_method, attach_dict
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache.engines import VALUE, families
from embedded_aws.services.elasticache.nodes import caches

DEFAULT = "default."
AT_ONCE = 20
POLICIES = "volatile-lru,allkeys-lru,volatile-lfu,allkeys-lfu,volatile-random,allkeys-random,volatile-ttl,noeviction"
ON_OFF = "yes,no"

# Some of those that a user may set, with ElastiCache's defaults and what it allows; an empty string: a number.
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


def values(elasticache: Any, name: str) -> dict[str, str]:
    """What was set in a group; nothing in ElastiCache's own."""
    group = attach_dict(elasticache, "cache_parameter_groups").get(name)
    return dict(group["parameters"]) if group else {}


def family_of(elasticache: Any, name: str) -> str:
    """The family of a group.

    Raises:
        ServiceError: There is no such group.
    """
    return str(_group(elasticache, name)["family"])


def arn_of(elasticache: Any, name: str) -> str:
    """What tags hang on."""
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


def _own(response: Any, deed: str) -> dict[str, Any]:
    """The group asked for, as it is kept; ElastiCache's own are as they are."""
    name = response.params["CacheParameterGroupName"]
    _group(response.elasticache_backend, name)
    if name.startswith(DEFAULT):
        why = f"The operation {deed} is not permitted on default cache parameter groups: {name}"
        raise ServiceError(VALUE, why)
    found: dict[str, Any] = attach_dict(response.elasticache_backend, "cache_parameter_groups")[name.lower()]
    return found


def _described(elasticache: Any, group: dict[str, Any]) -> dict[str, Any]:
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
    elasticache, sent = response.elasticache_backend, response.params
    name, family = sent["CacheParameterGroupName"].lower(), sent["CacheParameterGroupFamily"]
    groups = attach_dict(elasticache, "cache_parameter_groups")
    if name in groups:
        raise ServiceError("CacheParameterGroupAlreadyExists", f"Parameter group {name} already exists")
    if family not in families():
        raise ServiceError(VALUE, f"CacheParameterGroupFamily {family} is not a valid parameter group family.")
    groups[name] = {"family": family, "description": sent["Description"], "parameters": {}}
    if sent.get("Tags"):
        elasticache.tagging_service.tag_resource(arn_of(elasticache, name), sent["Tags"])
    return ActionResult({"CacheParameterGroup": _described(elasticache, _group(elasticache, name))})


@add_method(ElastiCacheResponse)
def describe_cache_parameter_groups(response: Any) -> Any:
    """With ElastiCache's own.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameterGroups.html
    """
    elasticache, name = response.elasticache_backend, response.params.get("CacheParameterGroupName")
    own = [_group(elasticache, known) for known in attach_dict(elasticache, "cache_parameter_groups")]
    found = [_group(elasticache, name)] if name else [*map(_default, families()), *own]
    return ActionResult({"CacheParameterGroups": [_described(elasticache, group) for group in found]})


@add_method(ElastiCacheResponse)
def modify_cache_parameter_group(response: Any) -> Any:
    """Up to twenty values, each of a parameter that there is.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheParameterGroup.html
    """
    group, changes = _own(response, "ModifyCacheParameterGroup"), response.params["ParameterNameValues"]
    if len(changes) > AT_ONCE:
        raise ServiceError(VALUE, f"A maximum of {AT_ONCE} parameters may be modified per request.")
    for change in changes:
        _refuse_value(change["ParameterName"], change.get("ParameterValue", ""))
    group["parameters"] |= {change["ParameterName"]: change.get("ParameterValue", "") for change in changes}
    return ActionResult({"CacheParameterGroupName": response.params["CacheParameterGroupName"]})


def _refuse_value(name: str, value: str) -> None:
    if name not in KNOWN:
        raise ServiceError(VALUE, f"Could not find parameter with name: {name}")
    allowed = KNOWN[name][1]
    right = allowed is None or (value.isdecimal() if allowed == "" else value in allowed.split(","))
    if not right:
        raise ServiceError(VALUE, f"Value of parameter {name} is not valid: {value}")


@add_method(ElastiCacheResponse)
def reset_cache_parameter_group(response: Any) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ResetCacheParameterGroup.html."""
    group, named = _own(response, "ResetCacheParameterGroup"), response.params.get("ParameterNameValues") or []
    everything = list(group["parameters"]) if response.params.get("ResetAllParameters") else []
    for name in everything or [one["ParameterName"] for one in named]:
        group["parameters"].pop(name, None)
    return ActionResult({"CacheParameterGroupName": response.params["CacheParameterGroupName"]})


@add_method(ElastiCacheResponse)
def describe_cache_parameters(response: Any) -> Any:
    """What was set has the source `user`.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeCacheParameters.html
    """
    asked = response.params
    own = _group(response.elasticache_backend, asked["CacheParameterGroupName"])["parameters"]
    found = [
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
    return ActionResult({"Parameters": [one for one in found if asked.get("Source") in (None, one["Source"])]})


@add_method(ElastiCacheResponse)
def delete_cache_parameter_group(response: Any) -> Any:
    """Not while a cache uses it.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheParameterGroup.html
    """
    elasticache, name = response.elasticache_backend, response.params["CacheParameterGroupName"].lower()
    _own(response, "DeleteCacheParameterGroup")
    if any(cache.cache_parameter_group_name == name for cache in caches(elasticache)):
        members = f"One or more cache clusters are still members of this parameter group {name}"
        raise ServiceError("InvalidCacheParameterGroupState", f"{members}, so the group cannot be deleted.")
    del attach_dict(elasticache, "cache_parameter_groups")[name]
    elasticache.tagging_service.delete_all_tags_for_resource(arn_of(elasticache, name))
    return ActionResult({})
