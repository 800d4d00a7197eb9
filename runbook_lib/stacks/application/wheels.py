"""The wheels that an application's lock file names, for the servers and for this machine.

The lock is `requirements.txt` with hashes, as `runbook lock`, pip-compile or uv write it. Among its hashes are those of
wheels for other systems and of source distributions; packed are the wheels that a server or a rehearsal can use. The
choice depends on the lock only, not on the machine that packs. pip finds and downloads them.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

from runbook_lib.files import write_atomically

from .findings import BundleError, Finding

LOCK = "requirements.txt"
PYTHONS = ("3.11", "3.12", "3.13")
SERVERS_PYTHON = "3.11"
"""https://docs.aws.amazon.com/linux/al2023/ug/python.html"""
GLIBC_MINOR = 34
"""Amazon Linux 2023 has glibc 2.34. https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html"""
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The name of each architecture of EC2 in the names of wheels."""
SOURCES = "requirements.in, or pyproject.toml"

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "--trusted-host", "--find-links", "-f", "--prefer-binary")
_NO_WHEEL = re.compile(
    r"No matching distribution found for ([A-Za-z0-9._-]+?)(?:\[[^\]]*\])?(?:[=<>!~; ]|$)", re.MULTILINE
)
_OTHER_HASH = re.compile(r"DO NOT MATCH THE HASHES.*?\n\s+([A-Za-z0-9._-]+)[=<>!~\[ ]", re.DOTALL)
_ANSWERED = re.compile(r"Found link |none of the wheel's tags|No sources permitted|requires a different Python")


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


@dataclass(frozen=True)
class Pin:
    """One package of the lock.

    Args:
        name: Normalized.
        text: The requirement without hashes and marker, e.g. ``flask==3.1.3``.
        requirement: With its marker.
        hashes: Of its files; empty when any file will do.
        line: Where it stands in the lock.
    """

    name: str
    text: str
    requirement: Requirement
    hashes: frozenset[str]
    line: int

    @property
    def key(self) -> str:
        """A name for what is known about it."""
        return hashlib.sha256("\n".join([self.text, *sorted(self.hashes)]).encode()).hexdigest()

    @property
    def lines(self) -> str:
        """The line for pip."""
        return " ".join([self.text, *(f"--hash=sha256:{each}" for each in sorted(self.hashes))])


@dataclass(frozen=True)
class Lock:
    """A lock file that was read.

    Args:
        options: Its lines that say where packages are, for pip.
        findings: What is wrong with it.
    """

    pins: tuple[Pin, ...] = ()
    options: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file with their numbers: continued lines joined, comments and blank lines dropped."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += f"{line[:-1]} "
            continue
        if content := re.sub(r"(^|\s)#.*$", "", joined + line).strip():
            yield first, content
        joined, first = "", 0


def read_lock(data: bytes) -> Lock:
    """Read a lock file; every mistake is a finding with its line."""
    pins, options, findings = [], [], []
    lines = list(logical_lines(data.decode("utf-8", "replace")))
    if lines and not any(_HASH.search(line) for _, line in lines):
        what = "has no hashes, so that nobody knows which files will be installed."
        return Lock(
            findings=(Finding(f"{LOCK}:{lines[0][0]}", what, "Run `runbook lock`, and commit what it writes."),)
        )
    for number, line in lines:
        if line.startswith("-"):
            if line.split("=")[0].split()[0] in _INDEX_OPTIONS:
                options.append(line)
            elif not line.startswith(("--only-binary", "--no-binary", "--require-hashes")):
                findings.append(Finding(f"{LOCK}:{number}", f"{line} cannot be locked.", _AGAIN))
            continue
        pin = _read_pin(number, line)
        if isinstance(pin, Finding):
            findings.append(pin)
        else:
            pins.append(pin)
    return Lock(tuple(pins), tuple(options), tuple(findings))


_AGAIN = f"Run `runbook lock`: it locks what {SOURCES} needs."


def _read_pin(number: int, line: str) -> Pin | Finding:
    place = f"{LOCK}:{number}"
    try:
        requirement = Requirement(line.partition(" --hash")[0].strip())
    except InvalidRequirement:
        return Finding(place, f"{line[:60]} is not name==version with hashes.", _AGAIN)
    exact = [each for each in requirement.specifier if each.operator in ("==", "===") and "*" not in each.version]
    if requirement.url or len(exact) != 1 or len(requirement.specifier) != 1:
        return Finding(place, f"{requirement} is not pinned with ==.", _AGAIN)
    if not (hashes := frozenset(_HASH.findall(line))):
        return Finding(place, f"{requirement} has no hash.", _AGAIN)
    name = canonicalize_name(requirement.name)
    return Pin(name, f"{name}=={exact[0].version}", requirement, hashes, number)


class Wheelhouse:
    """A folder of wheels, filled from the package index where a lock needs it.

    Args:
        folder: It keeps wheels of older locks, too, and what pip chose for each package.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = folder / "chosen.json"

    def choose(self, lock: Lock, targets: Sequence[Target] = TARGETS) -> dict[Pin, list[Path]]:
        """The wheels of each package: for each target one that it can use, if there is one.

        Raises:
            BundleError: The package index cannot be reached, or pip fails.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        known: dict[str, dict[str, str | None]] = self._read_record()
        chosen: dict[Pin, list[Path]] = {pin: [] for pin in lock.pins}
        by_hash = self._by_hash()
        for target in targets:
            open_pins = [pin for pin in lock.pins if target.needs(pin.requirement) and not fits(chosen[pin], target)]
            unknown = []
            for pin in open_pins:
                record = known.get(pin.key, {})
                if pin.hashes and pin.hashes <= by_hash.keys():
                    chosen[pin] += best([by_hash[each] for each in pin.hashes], target)
                elif str(target) in record and (record[str(target)] or "") in {"", *by_hash}:
                    chosen[pin] += [by_hash[found] for found in (record[str(target)],) if found]
                else:
                    unknown.append(pin)
            for pin, wheel in self._fetch(unknown, lock.options, target).items() if unknown else ():
                digest = sha256(wheel) if wheel else None
                known.setdefault(pin.key, {})[str(target)] = digest
                if wheel and digest:
                    chosen[pin].append(wheel)
                    by_hash[digest] = wheel
        write_atomically(self._record, json.dumps(known, indent=1, sort_keys=True).encode())
        return chosen

    def _read_record(self) -> dict[str, dict[str, str | None]]:
        try:
            record: dict[str, dict[str, str | None]] = json.loads(self._record.read_bytes())
        except (OSError, ValueError):
            record = {}
        return record

    def _by_hash(self) -> dict[str, Path]:
        return {sha256(wheel): wheel for wheel in sorted(self._folder.glob("*.whl"))}

    def _fetch(self, pins: Sequence[Pin], options: Sequence[str], target: Target) -> dict[Pin, Path | None]:
        """Download the wheels for a target; ``None`` for a package that has none.

        Raises:
            BundleError: pip failed for another reason.
        """
        missing: list[Pin] = []
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            while left := [pin for pin in pins if pin not in missing]:
                done = _download(left, options, target, Path(folder))
                if not done.returncode:
                    break
                missing.append(_without_wheel(done, left, target, self._folder))
            fetched: dict[Pin, Path | None] = dict.fromkeys(missing)
            by_name = {parse_wheel_filename(wheel.name)[0]: wheel for wheel in Path(folder).glob("*.whl")}
            for pin in left:
                fetched[pin] = by_name[canonicalize_name(pin.name)].replace(
                    self._folder / by_name[canonicalize_name(pin.name)].name
                )
        return fetched


def _download(
    pins: Sequence[Pin], options: Sequence[str], target: Target, into: Path
) -> subprocess.CompletedProcess[str]:
    """Download by pip, which checks the hashes."""
    lock = into / LOCK
    lock.write_text("\n".join([*options, *(pin.lines for pin in pins)]) + "\n", encoding="utf-8")
    return run_pip(
        "download", "-vv", "--no-deps", "--dest", str(into), *target_options(target), "-r", str(lock),
        *(["--require-hashes"] if all(pin.hashes for pin in pins) else []),
    )  # fmt: skip


def target_options(target: Target) -> list[str]:
    """pip's options to choose for a target rather than for this machine."""
    options = ["--only-binary=:all:", f"--python-version={target.python}", "--implementation=cp"]
    return [*options, *(f"--platform={each}" for each in target.platforms)]


def run_pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python's pip; its own settings apply, e.g. where the package index is."""
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def _without_wheel(done: subprocess.CompletedProcess[str], pins: Sequence[Pin], target: Target, folder: Path) -> Pin:
    """The package that has no wheel for the target, by what pip wrote.

    Raises:
        BundleError: pip failed for another reason, e.g. because the index cannot be reached.
    """
    match = _NO_WHEEL.search(done.stderr)
    answered = match and _ANSWERED.search(done.stdout.rpartition("search for versions of")[2])
    if not answered:
        match = _OTHER_HASH.search(done.stderr)
    names = {pin.name: pin for pin in pins}
    if match and (pin := names.get(canonicalize_name(match[1]))):
        return pin
    raise BundleError(
        f"The wheels of {LOCK} cannot be downloaded for {target}: {pip_error(done)}",
        fix="Connect to a package index once (pip's own settings apply), or copy the wheels to "
        f"{folder}; if pip itself is missing, run `python -m ensurepip`.",
    )


def pip_error(done: subprocess.CompletedProcess[str]) -> str:
    """pip's own words."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]


def sha256(wheel: Path) -> str:
    """The digest of a file."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


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


def missing_wheels(chosen: dict[Pin, list[Path]], architectures: Collection[str]) -> Iterator[Finding]:
    """The packages that a server or this machine cannot install.

    Args:
        architectures: Of the servers; when none is given, a wheel for one of all is enough.
    """
    servers = [Target(SERVERS_PYTHON, "Linux", machine) for machine in MACHINES.values()]
    for pin, wheels in chosen.items():
        lacking = [
            target
            for target in required_targets(architectures)
            if target.needs(pin.requirement) and not fits(wheels, target)
        ]
        if not architectures and not any(
            fits(wheels, target) or not target.needs(pin.requirement) for target in servers
        ):
            lacking = [*servers, *lacking]
        if lacking:
            yield Finding(
                f"{LOCK}:{pin.line}",
                f"{pin.text} has no wheel for {' and '.join(dict.fromkeys(map(str, lacking)))}; nothing is compiled.",
                "Use a version or a package that has one (e.g. PyMySQL for mysqlclient), then run `runbook lock`.",
            )  # fmt: skip
