"""Print which modules patch which methods of moto, inner first, as JSON; run in a process of its own.

It must record each patch while it is made, so nothing may have installed the patches before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

from embedded_aws import patching

SERVICES = "embedded_aws.services."


def main() -> None:
    """Install all patches and print the chains and the order of the ticks."""
    chains: dict[str, list[str]] = {}
    wrap, add = patching.patch, patching.add_method

    def record(owner: type | ModuleType, name: str, replacement: Callable[..., Any]) -> None:
        where = owner.__name__ if isinstance(owner, ModuleType) else f"{owner.__module__}.{owner.__qualname__}"
        method = f"{where}.{name}"
        chains.setdefault(method, []).append(replacement.__module__.removeprefix(SERVICES))

    def recorded_wrap(owner: type | ModuleType, name: str) -> Callable[..., Any]:
        put = wrap(owner, name)
        return lambda replacement: (record(owner, name, replacement), put(replacement))[1]

    def recorded_add(owner: type) -> Callable[..., Any]:
        put = add(owner)
        return lambda method: (record(owner, f"+{method.__name__}", method), put(method))[1]

    patching.patch, patching.add_method = recorded_wrap, recorded_add  # type: ignore[assignment]
    from embedded_aws import services

    ticks = [tick.__module__.removeprefix(SERVICES) for tick in services.install()]
    print(json.dumps({"chains": chains, "ticks": ticks}))  # noqa: T201


if __name__ == "__main__":
    main()
