"""The wheels that an application's lock file names, for the servers and for this machine.

Among a lock's hashes are those of wheels for other systems and of source distributions; packed are the wheels that a
server or a rehearsal can use. The choice depends on the lock only, not on the machine that packs. pip finds and
downloads them.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from runbook_lib.files import write_atomically

from .findings import BundleError, Finding
from .pins import LOCK, Lock, Pin
from .targets import MACHINES, SERVERS_PYTHON, TARGETS, Target, best, fits, required_targets

_NO_WHEEL = re.compile(
    r"No matching distribution found for ([A-Za-z0-9._-]+?)(?:\[[^\]]*\])?(?:[=<>!~; ]|$)", re.MULTILINE
)
_OTHER_HASH = re.compile(r"DO NOT MATCH THE HASHES.*?\n\s+([A-Za-z0-9._-]+)[=<>!~\[ ]", re.DOTALL)
_ANSWERED = re.compile(r"Found link |none of the wheel's tags|No sources permitted|requires a different Python")


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
                elif pin.hashes and str(target) in record and (record[str(target)] or "") in {"", *by_hash}:
                    chosen[pin] += [by_hash[found] for found in (record[str(target)],) if found]
                else:
                    unknown.append(pin)
            for pin, wheel in self._fetch(unknown, lock.options, target).items() if unknown else ():
                digest = sha256(wheel) if wheel else None
                if pin.hashes:
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
    with wheel.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
