"""Sessions of botocore that share what botocore knows of AWS's services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import botocore.loaders
import botocore.session
from botocore.exceptions import DataNotFoundError, UnknownServiceError


def new_session(variables: Mapping[str, Any] | None = None) -> Any:
    """Create a botocore session.

    A session of botocore's own reads every service's description from its files again: a tenth of a second for EC2's.

    Args:
        variables: Settings and where they come from, in place of botocore's own, as its session takes them.
    """
    session = botocore.session.Session(session_vars=variables)
    session.lazy_register_component("data_loader", lambda: _loader(session.get_config_variable("data_path")))
    return session


def service_model(service: str) -> Any:
    """botocore's description of a service, e.g. ``"ec2"``."""
    return _models().get_service_model(service)


def load_descriptions(services: Iterable[str]) -> None:
    """Read botocore's descriptions of some services, for all sessions of this process and of its forks."""
    loader = _loader(_models().get_config_variable("data_path"))
    for name in ("partitions", "endpoints", "_retry", "sdk-default-configuration"):
        loader.load_data(name)
    for service in services:
        for kind in ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1"):
            with suppress(UnknownServiceError, DataNotFoundError):
                loader.load_service_model(service, kind)


@cache
def _loader(data_path: str | None) -> Any:
    return botocore.loaders.create_loader(data_path)


@cache
def _models() -> Any:
    return new_session()
