"""Write the lock of a Python application: `requirements.txt` with the hashes of the wheels that are packed.

The versions are those that pip's resolver finds today. The rule is one: the lock is always `requirements.txt`, and what
it is made from stands in `requirements.in`, or in `pyproject.toml`. A `requirements.txt` without hashes is not a lock:
it becomes `requirements.in`.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from runbook_lib.files import write_atomically

from .findings import BundleError, require_none
from .pins import LOCK, Lock, Pin, logical_lines, read_lock
from .targets import MACHINES, SERVERS_PYTHON, TARGETS, Target
from .wheels import Wheelhouse, missing_wheels, pip_error, run_pip, sha256, target_options

SOURCE = "requirements.in"
PROJECT = "pyproject.toml"
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")


@dataclass(frozen=True)
class WrittenLock:
    """A lock file that was written.

    Args:
        source: The file it was made from.
        packages: How many packages it locks.
        wheels: How many wheels.
        renamed: Whether the source was `requirements.txt` before.
    """

    path: Path
    source: str
    packages: int
    wheels: int
    renamed: bool


def make_lock(webapp: Path, cache: Path, architectures: tuple[str, ...] = ()) -> WrittenLock:
    """Lock what an application needs.

    Args:
        cache: Where the wheels are kept for the bundle.
        architectures: Of the servers; a package without a wheel for them is an error.

    Raises:
        BundleError: There is nothing to lock, pip cannot resolve it, or a package has no wheel for the servers.
    """
    source, text, renamed = _source(webapp)
    options = tuple(line for _, line in logical_lines(text) if line.startswith("-") and not line.startswith(_INCLUDES))
    resolved = _resolve(webapp, source, text, MACHINES[(*architectures, "arm64")[0]])
    pins = [
        Pin(name, f"{name}=={version}", Requirement(f"{name}=={version}"), frozenset(), 0)
        for name, version in sorted(resolved.items())
    ]
    chosen = Wheelhouse(cache).choose(Lock(tuple(pins), options))
    require_none(replace(each, place=source) for each in missing_wheels(chosen, architectures))
    source = SOURCE if renamed else source
    lines = [f"# Made by `runbook lock` from {source}: every hash is that of one wheel.\n"]
    lines += [f"{each}\n" for each in options]
    for pin in pins:
        hashes = sorted(sha256(wheel) for wheel in chosen[pin])
        lines.append(" \\\n".join([pin.text, *(f"    --hash=sha256:{each}" for each in hashes)]) + "\n")
    if renamed:
        (webapp / LOCK).rename(webapp / SOURCE)
    path = write_atomically(webapp / LOCK, "".join(lines).encode())
    return WrittenLock(path, source, len(pins), sum(map(len, chosen.values())), renamed)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{path} is not text in UTF-8.", fix="Save the file as UTF-8.") from None


def _source(webapp: Path) -> tuple[str, str, bool]:
    """The file to lock from, its requirements, and whether it is a `requirements.txt` that becomes the source.

    Raises:
        BundleError: There is none.
    """
    if not webapp.is_dir():
        raise BundleError(f"There is no folder {webapp}.", fix="Name the application's folder.")
    if (webapp / SOURCE).is_file():
        return SOURCE, _read(webapp / SOURCE), False
    unlocked = (webapp / LOCK).is_file() and not read_lock((webapp / LOCK).read_bytes()).pins
    if unlocked and (text := _read(webapp / LOCK)).strip():
        return LOCK, text, True
    if needed := dependencies((webapp / PROJECT).read_bytes() if (webapp / PROJECT).is_file() else b""):
        return PROJECT, "\n".join(needed) + "\n", False
    raise BundleError(
        f"{webapp} has nothing to lock: no {SOURCE}, no {LOCK} without hashes, no dependencies in {PROJECT}.",
        fix=f"Write the packages that the application needs into {SOURCE}, one a line.",
    )


def dependencies(project: bytes) -> list[str]:
    """``project.dependencies`` of a `pyproject.toml`.

    Raises:
        BundleError: It is no TOML, or has something else than a list of texts there.
    """
    try:
        content = tomllib.loads(project.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{PROJECT} is not TOML: {error}", fix="Correct it.") from error
    table = content.get("project", {})
    needed = table.get("dependencies", []) if isinstance(table, dict) else None
    if not isinstance(needed, list) or not all(isinstance(each, str) for each in needed):
        fix = 'Write a list of texts: dependencies = ["flask"], below [project].'
        raise BundleError(f"{PROJECT} has something else than a list in project.dependencies.", fix=fix)
    return needed


def _resolve(webapp: Path, source: str, text: str, machine: str) -> dict[str, str]:
    """Names and versions that a source resolves to today, for every target together.

    pip evaluates the markers of requirements for the Python that it runs on. What holds for another target only is
    added, and everything is resolved once more.

    Args:
        text: The requirements of the source.
        machine: Of the servers.

    Raises:
        BundleError: pip cannot resolve them.
    """
    added = {_without_marker(each) for each in _marked(text)}
    while True:
        lines = "\n".join([*([text] if source == PROJECT else [f"-r {(webapp / source).resolve()}"]), *sorted(added)])
        report = _report(webapp, lines, machine)
        versions: dict[str, str] = {
            canonicalize_name(each["metadata"]["name"]): each["metadata"]["version"] for each in report
        }
        if not (lacking := set(_needed_elsewhere(report, versions)) - added):
            return versions
        added |= lacking


def _marked(text: str) -> Iterator[Requirement]:
    """The requirements with a marker that holds for a target."""
    for _, line in logical_lines(text):
        try:
            requirement = Requirement(line.partition(" --hash")[0])
        except InvalidRequirement:
            continue  # an option, or something that only pip reads
        if requirement.marker and any(target.needs(requirement) for target in TARGETS):
            yield requirement


def _needed_elsewhere(report: list[dict[str, Any]], versions: dict[str, str]) -> Iterator[str]:
    """What a resolved package needs on a target, and what pip left out since this machine does not need it."""
    extras: dict[str, set[str]] = defaultdict(lambda: {""})
    needed = {
        canonicalize_name(each["metadata"]["name"]): [Requirement(r) for r in each["metadata"].get("requires_dist", ())]
        for each in report
    }
    for each in report:
        extras[canonicalize_name(each["metadata"]["name"])].update(each.get("requested_extras", ()))
    for requirement in (r for requirements in needed.values() for r in requirements if not r.marker):
        extras[canonicalize_name(requirement.name)].update(requirement.extras)
    for name, requirements in needed.items():
        for requirement in requirements:
            is_lacking = requirement.marker and canonicalize_name(requirement.name) not in versions
            if is_lacking and any(target.needs(requirement, extras[name]) for target in TARGETS):
                yield _without_marker(requirement)


def _without_marker(requirement: Requirement) -> str:
    return str(requirement).partition(";")[0].strip()


def _report(webapp: Path, lines: str, machine: str) -> list[dict[str, Any]]:
    """What pip would install on a server."""
    with tempfile.TemporaryDirectory() as folder:
        source, report = Path(folder, SOURCE), Path(folder, "report.json")
        source.write_text(f"{lines}\n", encoding="utf-8")
        done = run_pip(
            "install", "--dry-run", "--ignore-installed", "--quiet", "--target", folder,
            *target_options(Target(SERVERS_PYTHON, "Linux", machine)), "--report", str(report), "-r", str(source),
        )  # fmt: skip
        if done.returncode:
            raise BundleError(
                f"pip cannot resolve what {webapp.name}/ needs: {pip_error(done)}",
                fix="Correct the requirements, or connect to a package index (pip's own settings apply). "
                "Every package needs a wheel.",
            )
        installed: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return installed
