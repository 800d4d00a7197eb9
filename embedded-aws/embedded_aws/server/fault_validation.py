"""Whether what a rule names exists: a slip would be a fault that silently hits nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

from botocore.loaders import Loader
from moto.core.utils import get_service_model

from embedded_aws.faults.rules import AnyRule, HookRule
from embedded_aws.hosts.agent import OF_CURRENT, OF_LAST
from embedded_aws.settings import PRELOADED
from runbook_lib.errors import WrongUsage

#: What CodeDeploy's agent performs. BlockTraffic and AllowTraffic are the load balancer's.
EVENTS = ("DownloadBundle", "Install", *OF_LAST, *OF_CURRENT)
NOT_TOLD_APART = ("elb",)  # its calls are signed like elbv2's, which is what they are taken for
NEAR = 4


def check(rule: AnyRule) -> None:
    """Refuse a rule that names nothing.

    Raises:
        WrongUsage: With what there is that looks alike.
    """
    if isinstance(rule, HookRule):
        _need([rule.hook], EVENTS, f"CodeDeploy's agent performs no event {rule.hook!r}")
        return
    services = [name for name in _services() if fnmatchcase(name, rule.service)]
    if not services:
        _need([rule.service], _services(), f"there is no service {rule.service!r}")
    # A pattern for services means those of an environment: to read the models of all takes minutes.
    among = services if services == [rule.service] else [name for name in services if name in PRELOADED]
    known = [operation for name in among for operation in _operations(name)]
    _need([rule.operation], known, f"{rule.service} has no operation {rule.operation!r}")


def _need(patterns: Iterable[str], known: Collection[str], otherwise: str) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise WrongUsage(otherwise, fix=_hint(pattern, known))


def _hint(pattern: str, known: Collection[str]) -> str:
    """The nearest names, whatever their case; for a pattern also those that contain its longest part."""
    stem = max(pattern.replace("?", "*").split("*"), key=len).lower()
    lower = {name.lower(): name for name in known}
    within = [name for name in sorted(lower) if len(stem) > 2 and stem in name]
    near = list(dict.fromkeys([*get_close_matches(stem, lower, NEAR, 0.6), *within]))[:NEAR]
    if near:
        return f"did you mean {', '.join(lower[name] for name in near)}?"
    return f"there are {', '.join(sorted(known))}" if len(known) < 20 else "use boto3's names, such as ec2:CreateSubnet"


@cache
def _services() -> tuple[str, ...]:
    found = Loader().list_available_services("service-2")
    return tuple(name for name in found if name not in NOT_TOLD_APART)


@cache
def _operations(service: str) -> tuple[str, ...]:
    return tuple(get_service_model(service).operation_names)
