"""The account inside the emulator: moto's backends, loaded at the start, saved, restored and emptied."""

from __future__ import annotations

from functools import cache
from typing import Any

import moto.backends
import moto.core.responses
import moto.ec2.models.amis
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.config import default_user_config

from embedded_aws.settings import ACCOUNT, PRELOADED, REGION


def configure() -> None:
    """Set moto's options that have no environment variable: no container engine is needed."""
    default_user_config["lambda"] = {"use_docker": False}
    default_user_config["batch"] = {"use_docker": False}
    BaseModel.__new__ = _new_model
    # Each call lists moto's folders, and the methods of its service: a third of its time.
    names = sorted(set(moto.backends.list_of_moto_modules()))
    moto.backends.list_of_moto_modules = lambda: names
    moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
    # Of 1,300 public images, 1,200 are for ECS, which is not here: made anew for each account, and saved with it, they
    # would take most of the time of either.
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


def backend(service: str, region: str = REGION) -> Any:
    """Return moto's backend of a service in our account; for a global service, its only one."""
    regions = moto.backends.get_backend(service)[ACCOUNT]
    return regions[region] if region in regions else regions["aws"]


def existing(service: str) -> list[Any]:
    """Return the backends of a service that have been used, in all regions."""
    return list(dict.values(moto.backends.get_backend(service)[ACCOUNT]))


def export_account() -> dict[str, Any]:
    """Return the whole account: every used backend, by service and region, and the owners of bucket names."""
    # moto itself sometimes looks into the account of its default number, which is another one in a rehearsal.
    services = {
        backends.service_name: dict(dict.items(dict.get(backends, ACCOUNT, {}))) for backends in BackendDict._instances
    }
    return {"services": services, "buckets": dict(moto.backends.get_backend("s3").bucket_accounts)}


def import_account(account: dict[str, Any]) -> None:
    """Replace the account by one that `export_account` returned."""
    for service, regions in account["services"].items():
        current = moto.backends.get_backend(service)[ACCOUNT]
        for region, backend in regions.items():
            current[region] = backend
    moto.backends.get_backend("s3").bucket_accounts.update(account["buckets"])


def reset() -> None:
    """Empty the account."""
    for s3 in existing("s3"):
        s3.reset()  # closes the files of its objects
    for backends in list(BackendDict._instances):
        backends.clear()
    BackendDict._instances.clear()
    moto.backends.get_backend("s3").bucket_accounts.clear()
    preload()
