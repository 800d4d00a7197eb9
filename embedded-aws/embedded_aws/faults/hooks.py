"""Lifecycle events of CodeDeploy that fail on request: the hosts' agent asks before it runs an event."""

from __future__ import annotations

from collections.abc import Callable

#: Takes event, instance and zone; returns the number of the fault that hits the event, None when there is none.
HitHook = Callable[[str, str, str], int | None]

INSTALL_AGENT = "InstallAgent"
"""The installation of the agent at the first boot: no event of a deployment, but it fails on request, too."""

_installed: list[HitHook] = []


def install(hit_hook: HitHook) -> None:
    """Let this function decide from now on which events fail."""
    _installed[:] = [hit_hook]


def hook_fault(event: str, instance_id: str, zone: str = "") -> str | None:
    """Return why an event fails on an instance now; None when it runs. Each call counts as a match."""
    number = next((hit_hook(event, instance_id, zone) for hit_hook in _installed), None)
    return (
        f"{event} fails on request, for a game day: fault {number} of `runbook local fault list`." if number else None
    )
