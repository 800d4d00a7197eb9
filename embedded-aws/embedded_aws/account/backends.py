"""The account inside the emulator: moto's backends, preloaded, and emptied on demand."""

from __future__ import annotations

from typing import Any

import moto.backends
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data

from embedded_aws.settings import ACCOUNT, PRELOADED, REGION


def configure() -> None:
    """Set what moto has no environment variable for: no container engine is needed."""
    default_user_config["lambda"] = {"use_docker": False}
    default_user_config["batch"] = {"use_docker": False}


def preload() -> None:
    """Create the backends that a stack needs, so that the first call does not pay for them (four seconds)."""
    for service in PRELOADED:
        backend(service)


def backend(service: str, region: str = REGION) -> Any:
    """moto's backend of a service for our account; of a global service, the one there is."""
    regions = moto.backends.get_backend(service)[ACCOUNT]
    return regions[region] if region in regions else regions["aws"]


def existing(service: str) -> list[Any]:
    """The backends of a service that have been used, in every region."""
    return list(dict.values(moto.backends.get_backend(service)[ACCOUNT]))


def take() -> dict[str, Any]:
    """The whole account: every backend in use, by service and region, and who owns which bucket name."""
    services = {
        backends.service_name: {region: found for regions in backends.values() for region, found in regions.items()}
        for backends in BackendDict._instances
    }
    return {"services": services, "buckets": dict(moto.backends.get_backend("s3").bucket_accounts)}


def put(account: dict[str, Any]) -> None:
    """Put an account that was taken in the place of the present one."""
    for service, regions in account["services"].items():
        present = moto.backends.get_backend(service)[ACCOUNT]
        for region, found in regions.items():
            present[region] = found
    moto.backends.get_backend("s3").bucket_accounts.update(account["buckets"])


def empty() -> None:
    """Forget everything in the account: the next call finds it as new."""
    for s3 in existing("s3"):
        s3.reset()  # closes the files of its objects
    for backends in list(BackendDict._instances):
        backends.clear()
    BackendDict._instances.clear()
    moto.backends.get_backend("s3").bucket_accounts.clear()
    reset_model_data()
    preload()
