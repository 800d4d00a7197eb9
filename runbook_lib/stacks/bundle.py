"""The CodeDeploy bundle of `webapp/`: one zip file, the same byte for byte wherever the same content is packed."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from runbook_lib.errors import RunbookError
from runbook_lib.files import write_atomically
from runbook_lib.paths import checkout

LOCK = "requirements.txt"

#: What never travels: caches, tests, editors' and systems' droppings, and what only a developer reads.
IGNORED = (
    "__pycache__", "*.pyc", "*.pyo", "tests", "conftest.py", "wheels", "run", "venv*", "node_modules", ".*",
    "*~", "#*#", "*.swp", "*.orig", "*.rej", "*.bak", "*.tmp", "Thumbs.db", "*.md", "requirements.in", "lock.py",
)  # fmt: skip

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014_aarch64", "manylinux2014_x86_64", "macosx_11_0_arm64", "macosx_10_13_x86_64")


class BundleError(RunbookError):
    """The application's folder or its wheels cannot be made into a bundle."""


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk: ``sha256`` names the zip, ``revision`` what an instance answers at ``/version``."""

    path: Path
    sha256: str
    size: int
    revision: str

    def __repr__(self) -> str:
        return f"bundle {self.sha256}, {self.size / 1e6:.1f} MB; answers at /version as revision {self.revision}"


def build(webapp: Path, into: Path, *, wheels: Path | None = None, commit: str = "") -> Bundle:
    """Pack ``webapp`` as ``into/<sha256>.zip``.

    Args:
        wheels: A folder with the locked wheels; by default the cache, filled from the package index where needed.
        commit: Shown at ``/version`` beside the revision. It is in the zip and thus in ``sha256``, not in ``revision``.
    """
    content = _content(webapp)
    digest = _digest(content)
    content["REVISION"] = f"{digest}\n".encode()
    if commit:
        content["COMMIT"] = f"{commit}\n".encode()
    for wheel in _locked(webapp, wheels or wheelhouse(webapp)):
        content[f"wheels/{wheel.name}"] = wheel.read_bytes()
    packed = _zip(content)
    name = hashlib.sha256(packed).hexdigest()
    path = write_atomically(into / f"{name}.zip", packed)
    return Bundle(path=path, sha256=name, size=len(packed), revision=digest)


def revision(webapp: Path) -> str:
    """The digest of the content alone: known without any wheel, since the lock holds the hash of each."""
    return _digest(_content(webapp))


def wheelhouse(webapp: Path, cache: Path | None = None) -> Path:
    """The folder that holds every locked wheel; asks the package index only for those that are missing.

    Args:
        cache: By default the checkout's own, `.runbook/wheels`.

    Raises:
        BundleError: A wheel cannot be had, or is not what the lock says.
    """
    cache = cache or checkout() / ".runbook" / "wheels"
    for python, platform in ((python, platform) for python in PYTHONS for platform in PLATFORMS):
        if not (missing := _missing(webapp, cache)):
            break
        _download(missing, cache, python, platform)
    _locked(webapp, cache)
    return cache


def _content(webapp: Path) -> dict[str, bytes]:
    """Every file that travels, by its name in the zip."""
    if not (webapp / "appspec.yml").is_file():
        raise BundleError(f"{webapp} has no appspec.yml", fix="Name the folder that holds appspec.yml.")
    names = (path.relative_to(webapp) for path in webapp.rglob("*") if path.is_file())
    return {name.as_posix(): (webapp / name).read_bytes() for name in names if not _ignored(name)}


def _ignored(name: Path) -> bool:
    return any(fnmatch(part, pattern) for part in name.parts for pattern in IGNORED)


def _digest(content: dict[str, bytes]) -> str:
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(content.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _zip(content: dict[str, bytes]) -> bytes:
    """Stored, not deflated: wheels are compressed already, and zlib's output differs between its builds."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, also where Python runs on something else: it makes the modes count
            entry.external_attr = (0o100755 if name.startswith("hooks/") else 0o100644) << 16
            archive.writestr(entry, data)
    return packed.getvalue()


def _pins(webapp: Path) -> dict[str, set[str]]:
    """Hashes by the locked requirement that they belong to; empty where the application locks nothing."""
    lock = webapp / LOCK
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ") if lock.is_file() else ""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {line: set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)) for line in lines}


def _held(folder: Path) -> dict[str, Path]:
    return {hashlib.sha256(wheel.read_bytes()).hexdigest(): wheel for wheel in sorted(folder.glob("*.whl"))}


def _missing(webapp: Path, cache: Path) -> list[str]:
    held = _held(cache).keys()
    return [line for line, hashes in _pins(webapp).items() if not hashes <= held]


def _locked(webapp: Path, folder: Path) -> list[Path]:
    """Exactly the wheels that the lock names: the folder may hold others, of an older lock."""
    held, pins = _held(folder), _pins(webapp)
    for line, hashes in pins.items():
        if not hashes or not hashes <= held.keys():
            raise BundleError(
                f"{folder} lacks a wheel of {line.split()[0]} that {webapp / LOCK} locks",
                fix="Run `python webapp/lock.py` and commit what it writes, or fetch the wheels with a network once.",
            )
    return sorted(held[each] for hashes in pins.values() for each in hashes)


def _download(lines: list[str], cache: Path, python: str, platform: str) -> None:
    """One pip run; pip checks the hashes. A wheel enters the cache whole or not at all."""
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
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
            raise BundleError(
                f"the wheels of {LOCK} cannot be fetched for Python {python} on {platform}: {said[-1]}",
                fix="Connect to a package index once (pip's own settings count), or copy the wheels to "
                f"{cache}; if pip itself is missing, run `python -m ensurepip`.",
            )
        for wheel in Path(folder).glob("*.whl"):
            wheel.replace(cache / wheel.name)
