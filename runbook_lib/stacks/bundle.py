"""Build the CodeDeploy bundle of `webapp/`: a zip file whose bytes depend on its content only."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.files import write_atomically
from runbook_lib.paths import checkout

from .webapp_files import BundleError, PackedFile, read_files

LOCK = "requirements.txt"

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014_aarch64", "manylinux2014_x86_64", "macosx_11_0_arm64", "macosx_10_13_x86_64")


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Args:
        sha256: Of the zip file, in hexadecimal.
        size: In bytes.
        revision: What an instance returns at ``/version``.
        packed: Names of the files in it, without the wheels.
        wheels: How many wheels are in it.
        left_out: What is in the folder and not in the bundle; a folder's name ends with a slash.
    """

    path: Path
    sha256: str
    size: int
    revision: str
    packed: tuple[str, ...] = ()
    wheels: int = 0
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        files = f"{len(self.packed)} files, {self.wheels} wheels"
        left_out = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        size = f"{self.size / 1e6:.1f} MB"
        return f"bundle {self.sha256}, {size}, {files}; revision at /version: {self.revision}{left_out}"


def build(webapp: Path, into: Path, *, wheels: Path | None = None, commit: str = "") -> Bundle:
    """Pack ``webapp`` as ``into/<sha256>.zip``.

    Args:
        wheels: A folder with the locked wheels; by default the cache, filled from the package index where needed.
        commit: Shown at ``/version`` beside the revision. It changes ``sha256``, not ``revision``.

    Raises:
        BundleError: The folder holds something that cannot be packed, or a wheel is missing.
    """
    files = read_files(webapp)
    content, digest = dict(files.packed), _digest(files.packed)
    content["REVISION"] = PackedFile(f"{digest}\n".encode(), executable=False)
    if commit:
        content["COMMIT"] = PackedFile(f"{commit}\n".encode(), executable=False)
    locked = _locked_wheels(webapp, wheels or wheelhouse(webapp))
    for wheel in locked:
        content[f"wheels/{wheel.name}"] = PackedFile(wheel.read_bytes(), executable=False)
    packed = _zip(content)
    name = hashlib.sha256(packed).hexdigest()
    path = write_atomically(into / f"{name}.zip", packed)
    return Bundle(path, name, len(packed), digest, tuple(sorted(files.packed)), len(locked), files.left_out)


def revision(webapp: Path) -> str:
    """The digest of the content without the wheels, whose hashes are in the lock file."""
    return _digest(read_files(webapp).packed)


def wheelhouse(webapp: Path, cache: Path | None = None) -> Path:
    """The folder that holds every locked wheel; downloads those that are missing.

    Args:
        cache: By default the checkout's own, `.runbook/wheels`.

    Raises:
        BundleError: A wheel cannot be downloaded, or its hash is not in the lock file.
    """
    cache = cache or checkout() / ".runbook" / "wheels"
    for python, platform in ((python, platform) for python in PYTHONS for platform in PLATFORMS):
        if not (missing := _missing(webapp, cache)):
            break
        _download(missing, cache, python, platform)
    _locked_wheels(webapp, cache)
    return cache


def _digest(content: dict[str, PackedFile]) -> str:
    lines = (f"{hashlib.sha256(content[name].data).hexdigest()}  {name}\n" for name in sorted(content))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _zip(content: dict[str, PackedFile]) -> bytes:
    """The zip file: fixed order and times, one of two modes, and no compression.

    Wheels are compressed already, and zlib's output differs between its builds.
    repro-zipfile gives all files one mode, but CodeDeploy's hooks must be executable.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on every system: only then the modes apply
            entry.external_attr = (0o100755 if content[name].executable else 0o100644) << 16
            archive.writestr(entry, content[name].data)
    return packed.getvalue()


def _pins(webapp: Path) -> dict[str, set[str]]:
    """The hashes of each line of the lock file; empty when there is no lock file."""
    lock = webapp / LOCK
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ") if lock.is_file() else ""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {line: set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)) for line in lines}


def _wheels_by_hash(folder: Path) -> dict[str, Path]:
    return {hashlib.sha256(wheel.read_bytes()).hexdigest(): wheel for wheel in sorted(folder.glob("*.whl"))}


def _missing(webapp: Path, cache: Path) -> list[str]:
    present = _wheels_by_hash(cache).keys()
    return [line for line, hashes in _pins(webapp).items() if not hashes <= present]


def _locked_wheels(webapp: Path, folder: Path) -> list[Path]:
    """The wheels in the lock file; the folder may hold others, of an older lock file."""
    wheels, pins = _wheels_by_hash(folder), _pins(webapp)
    for line, hashes in pins.items():
        if not hashes or not hashes <= wheels.keys():
            raise BundleError(
                f"{folder} lacks a wheel of {line.split()[0]}, which {webapp / LOCK} locks.",
                fix="Run `python webapp/lock.py` and commit its output, or build once with a package index.",
            )
    return sorted(wheels[each] for hashes in pins.values() for each in hashes)


def _download(lines: list[str], cache: Path, python: str, platform: str) -> None:
    """Download wheels by pip, which checks the hashes, and move them into the cache.

    Args:
        lines: Lines of the lock file.

    Raises:
        BundleError: pip failed.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        lock = Path(folder, LOCK)
        lock.write_text("\n".join(lines) + "\n", encoding="utf-8")
        tags = ["--python-version", python, "--platform", platform, "--implementation", "cp"]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
             "--require-hashes", "--dest", folder, *tags, "-r", str(lock)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
            raise BundleError(
                f"The wheels of {LOCK} cannot be downloaded for Python {python} on {platform}: {errors[-1]}",
                fix="Connect to a package index once (pip's own settings apply), or copy the wheels to "
                f"{cache}; if pip itself is missing, run `python -m ensurepip`.",
            )
        for wheel in Path(folder).glob("*.whl"):
            wheel.replace(cache / wheel.name)
