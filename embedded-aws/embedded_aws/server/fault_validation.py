"""Check that the operation or event of a fault rule exists: a misspelt rule would never hit anything."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

from botocore.loaders import Loader
from moto.core.utils import get_service_model

from embedded_aws.faults.hooks import INSTALL_AGENT
from embedded_aws.faults.rules import AnyRule, HookRule
from embedded_aws.hosts.agent import OF_CURRENT, OF_LAST
from embedded_aws.settings import PRELOADED
from runbook_lib.errors import WrongUsage

#: The events of CodeDeploy's agent. BlockTraffic and AllowTraffic are the load balancer's.
EVENTS = ("DownloadBundle", "Install", *OF_LAST, *OF_CURRENT, INSTALL_AGENT)
AMBIGUOUS = ("elb",)  # its calls are signed like elbv2's, and are taken for these
MAX_SUGGESTIONS = 4


def validate(rule: AnyRule) -> None:
    """Reject a rule whose service, operation or event does not exist.

    Raises:
        WrongUsage: Suggests similar names.
    """
    if isinstance(rule, HookRule):
        _require_match([rule.hook], EVENTS, f"CodeDeploy's agent has no event {rule.hook!r}")
        return
    services = [name for name in _services() if fnmatchcase(name, rule.service)]
    if not services:
        _require_match([rule.service], _services(), f"there is no service {rule.service!r}")
    # A pattern for services means those that stacks use: reading the models of all services takes minutes.
    searched = services if services == [rule.service] else [name for name in services if name in PRELOADED]
    known = [operation for name in searched for operation in _operations(name)]
    _require_match([rule.operation], known, f"{rule.service} has no operation {rule.operation!r}")


def _require_match(patterns: Iterable[str], known: Collection[str], message: str) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise WrongUsage(message, fix=_suggest(pattern, known))


def _suggest(pattern: str, known: Collection[str]) -> str:
    """Suggest similar names, ignoring case; for a pattern also names that contain its longest part."""
    stem = max(pattern.replace("?", "*").split("*"), key=len).lower()
    lower = {name.lower(): name for name in known}
    containing = [name for name in sorted(lower) if len(stem) > 2 and stem in name]
    similar = get_close_matches(stem, lower, MAX_SUGGESTIONS, 0.6)
    suggestions = list(dict.fromkeys([*similar, *containing]))[:MAX_SUGGESTIONS]
    if suggestions:
        return f"did you mean {', '.join(lower[name] for name in suggestions)}?"
    return f"there are {', '.join(sorted(known))}" if len(known) < 20 else "use boto3's names, such as ec2:CreateSubnet"


@cache
def _services() -> tuple[str, ...]:
    return tuple(name for name in Loader().list_available_services("service-2") if name not in AMBIGUOUS)


@cache
def _operations(service: str) -> tuple[str, ...]:
    return tuple(get_service_model(service).operation_names)
