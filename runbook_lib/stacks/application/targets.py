"""The systems that need wheels: the servers, and the machines that rehearse. Which wheel fits which of them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

PYTHONS = ("3.11", "3.12", "3.13")
SERVERS_PYTHON = "3.11"
"""https://docs.aws.amazon.com/linux/al2023/ug/python.html"""
GLIBC_MINOR = 34
"""Amazon Linux 2023 has glibc 2.34. https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html"""
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The name of each architecture of EC2 in the names of wheels."""


@dataclass(frozen=True)
class Target:
    """A system with a Python.

    Args:
        python: Its version, e.g. ``3.11``.
        system: ``Linux`` or ``Darwin``.
        machine: As wheels name it, e.g. ``aarch64``.
    """

    python: str
    system: str
    machine: str

    def __str__(self) -> str:
        return f"Python {self.python} on {'macOS' if self.system == 'Darwin' else self.system} {self.machine}"

    @cached_property
    def platforms(self) -> tuple[str, ...]:
        """The tags of its platform; the wheel for the oldest systems is preferred."""
        if self.system == "Darwin":
            return tuple(mac_platforms((11, 0) if self.machine == "arm64" else (10, 13), self.machine))
        legacy = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
        tags = []
        for minor in range(5 if self.machine == "x86_64" else 17, GLIBC_MINOR + 1):
            tags += [f"manylinux_2_{minor}_{self.machine}"]
            tags += [f"{legacy[minor]}_{self.machine}"] if minor in legacy else []
        return tuple(tags)

    @cached_property
    def ranks(self) -> dict[Tag, int]:
        """The tags of the wheels that it can use; the lower the rank, the better."""
        major, minor = map(int, self.python.split("."))
        interpreter = f"cp{major}{minor}"
        tags = [
            *cpython_tags((major, minor), platforms=self.platforms),
            *compatible_tags((major, minor), interpreter, self.platforms),
        ]
        return {tag: rank for rank, tag in reversed(list(enumerate(tags)))}

    def needs(self, requirement: Requirement, extras: Iterable[str] = ("",)) -> bool:
        """Whether a requirement's marker holds for any release of this Python, with one of the extras."""
        marker = requirement.marker
        return marker is None or any(
            marker.evaluate({**self._environment, "python_full_version": f"{self.python}.{patch}", "extra": extra})
            for patch in (0, 99)
            for extra in (extras or ("",))
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython", "platform_python_implementation": "CPython", "os_name": "posix",
            "implementation_version": f"{self.python}.0", "platform_machine": self.machine, "platform_release": "",
            "platform_system": self.system, "platform_version": "", "python_version": self.python,
            "sys_platform": self.system.lower(),
        }  # fmt: skip


TARGETS = tuple(
    Target(python, system, machine)
    for python in PYTHONS
    for system, machine in (("Linux", "aarch64"), ("Linux", "x86_64"), ("Darwin", "arm64"), ("Darwin", "x86_64"))
)


def required_targets(architectures: Collection[str]) -> tuple[Target, ...]:
    """The targets for which every package needs a wheel: the servers, and this machine.

    Args:
        architectures: Those of the servers, as EC2 names them.
    """
    servers = [Target(SERVERS_PYTHON, "Linux", MACHINES[each]) for each in architectures]
    machine = platform.machine()
    here = Target("{}.{}".format(*sys.version_info), platform.system(), MACHINES.get(machine, machine))
    return tuple(dict.fromkeys([*servers, *([here] if here in TARGETS else [])]))


@cache
def _tags(filename: str) -> frozenset[Tag]:
    return parse_wheel_filename(filename)[3]


def fits(wheels: Iterable[Path], target: Target) -> bool:
    """Whether a target can use one of the wheels."""
    return any(not target.ranks.keys().isdisjoint(_tags(wheel.name)) for wheel in wheels)


def best(wheels: Iterable[Path], target: Target) -> list[Path]:
    """The wheel that pip would choose for a target; empty when it can use none."""
    usable = [wheel for wheel in sorted(wheels) if fits([wheel], target)]
    rank = target.ranks
    return sorted(usable, key=lambda wheel: min(rank[tag] for tag in _tags(wheel.name) if tag in rank))[:1]
