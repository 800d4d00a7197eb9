"""Lifecycle events of CodeDeploy that are to fail: the machines' agent asks before it performs one."""

from __future__ import annotations

from collections.abc import Callable

#: Event, instance and zone; the number of the fault that hits it.
Asked = Callable[[str, str, str], int | None]

_installed: list[Asked] = []


def install(asked: Asked) -> None:
    """From now on, this one says which events fail."""
    _installed[:] = [asked]


def uninstall() -> None:
    """From now on, none fails on request."""
    _installed.clear()


def hook_fault(event: str, instance_id: str, zone: str = "") -> str | None:
    """Why an event is to fail on an instance, now; None when it is to be performed. Each question is counted."""
    number = next((asked(event, instance_id, zone) for asked in _installed), None)
    return (
        f"{event} fails on request, for a game day: fault {number} of `runbook local fault list`." if number else None
    )
