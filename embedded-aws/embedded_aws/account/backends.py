"""The accounts inside the emulator: moto's backends, loaded at the start, saved, restored and emptied.

One of them is its own; another begins with the first call that has its credentials.  A call, and what a service does
between two calls, is in one account.  What runs behind all accounts, such as the hosts, is in none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

import moto.backends
import moto.core.responses
import moto.ec2.models.amis
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.config import default_user_config

from embedded_aws.settings import ACCOUNT, PRELOADED, REGION

_current: ContextVar[str] = ContextVar("account", default="")
_others: dict[str, None] = {}
"""The accounts beside our own that have been called, in their order."""


def current_account() -> str:
    """Return the account of this call; our own where there is no call."""
    return _current.get() or ACCOUNT


def accounts() -> list[str]:
    """Return the accounts that exist, our own first."""
    return [ACCOUNT, *_others]


@contextmanager
def in_account(account: str) -> Iterator[None]:
    """Be in an account: `backend` and `existing` return its backends only."""
    if account != ACCOUNT:
        _others.setdefault(account)
    before = _current.set(account)
    try:
        yield
    finally:
        _current.reset(before)


def in_each_account(tick: Callable[[], bool]) -> Callable[[], bool]:
    """Return a tick that does one for each account; it tells whether any of them changed."""

    @wraps(tick)
    def tick_each() -> bool:
        return any([_tick_in(account, tick) for account in accounts()])

    return tick_each


def _tick_in(account: str, tick: Callable[[], bool]) -> bool:
    with in_account(account):
        return tick()


def account_of(arn: str) -> str:
    """Return the account of a resource."""
    return arn.split(":")[4]


def configure() -> None:
    """Set moto's options that have no environment variable: no container engine is needed."""
    default_user_config["lambda"] = {"use_docker": False}
    default_user_config["batch"] = {"use_docker": False}
    BaseModel.__new__ = _new_model
    moto.core.responses.BaseResponse.get_current_account = lambda _: current_account()
    # Each call lists moto's folders, and the methods of its service: a third of its time.
    names = sorted(set(moto.backends.list_of_moto_modules()))
    moto.backends.list_of_moto_modules = lambda: names
    moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
    leave_out_images_for_ecs()


def leave_out_images_for_ecs() -> None:
    """Make no images for ECS, which is not here: they are 1,200 of moto's 1,300.

    Made anew for each account, and saved with it, they would take most of the time of either.
    """
    load = moto.ec2.models.amis.load_resource
    moto.ec2.models.amis.load_resource = lambda path: [] if "/ecs/" in path else load(path)


def _new_model(cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Create a model that ends with its last use.

    moto keeps every model that ever was in `instances_tracked`, for a dashboard that is not served here: a server
    would grow with each call, and hold the bodies and files of deleted objects.
    """
    return super(BaseModel, cls).__new__(cls)


def preload() -> None:
    """Create the backends that a stack needs, so that the first call does not wait for them (four seconds)."""
    for service in PRELOADED:
        backend(service)


def backend(service: str, region: str = REGION, account: str = "") -> Any:
    """Return moto's backend of a service, by default in the current account; for a global service, its only one."""
    regions = moto.backends.get_backend(service)[account or current_account()]
    return regions[region] if region in regions else regions["aws"]


def existing(service: str) -> list[Any]:
    """Return the backends of a service that have been used: in all regions, of the current account or of all."""
    return _of_account(service, _current.get()) if _current.get() else everywhere(service)


def everywhere(service: str) -> list[Any]:
    """Return the backends of a service that have been used, in all regions and accounts."""
    return [one for account in accounts() for one in _of_account(service, account)]


def _of_account(service: str, account: str) -> list[Any]:
    return list(dict.values(moto.backends.get_backend(service)[account]))


def export_account() -> dict[str, Any]:
    """Return all accounts: every used backend, by service and region, and the owners of bucket names."""
    # moto itself sometimes looks into the account of its default number, which is another one in a rehearsal.
    others = {account: _services_of(account) for account in _others}
    buckets = dict(moto.backends.get_backend("s3").bucket_accounts)
    return {"services": _services_of(ACCOUNT), "others": others, "buckets": buckets}


def _services_of(account: str) -> dict[str, Any]:
    instances = BackendDict._instances
    return {backends.service_name: dict(dict.items(dict.get(backends, account, {}))) for backends in instances}


def import_account(account: dict[str, Any]) -> None:
    """Replace the accounts by those that `export_account` returned."""
    others = account.get("others", {})  # an earlier version had one account
    for number, services in {ACCOUNT: account["services"], **others}.items():
        for service, regions in services.items():
            current = moto.backends.get_backend(service)[number]
            for region, backend in regions.items():
                current[region] = backend
    _others.update(dict.fromkeys(others))
    moto.backends.get_backend("s3").bucket_accounts.update(account["buckets"])


def reset() -> None:
    """Empty all accounts; only our own is left."""
    for s3 in everywhere("s3"):
        s3.reset()  # closes the files of its objects
    for backends in list(BackendDict._instances):
        backends.clear()
    BackendDict._instances.clear()
    _others.clear()
    moto.backends.get_backend("s3").bucket_accounts.clear()
    preload()
