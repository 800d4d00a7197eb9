"""The packages of a Node application: `node_modules` as its owner packed it, or made from `package-lock.json`.

npm installs them without running their scripts, for the servers' platform whatever this machine is. Packages for one
platform only have names of their own, so that the folders for several platforms can be put together.
https://docs.npmjs.com/cli/v11/commands/npm-ci, https://docs.npmjs.com/cli/v11/using-npm/config#cpu
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from .files import PackedFile, read_tree
from .findings import BundleError, Finding

MODULES, NPM_LOCK, PACKAGE = "node_modules", "package-lock.json", "package.json"
SETTINGS = ".npmrc"
PLATFORMS = (("linux", "arm64"), ("linux", "x64"), ("darwin", "arm64"), ("darwin", "x64"))
"""The servers' and the rehearsal's, in npm's names."""
OLDEST_NPM = (10, 4, 0)
"""A version that has all of --os, --cpu and --libc; older ones ignore them without a word.

https://github.com/npm/cli/pull/6755, https://github.com/npm/cli/pull/6914
"""
_ELF_MACHINES = {0xB7: "arm64", 0x3E: "x86_64"}
_OPTIONS = ("--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")


def has_modules(packed: Mapping[str, PackedFile]) -> bool:
    """Whether the owner packs `node_modules`."""
    return any(name.startswith(f"{MODULES}/") for name in packed)


def read_npm_lock(packed: Mapping[str, PackedFile]) -> tuple[dict[str, Any], list[Finding]]:
    """The packages in `package-lock.json` that are needed on a server, by their folders, and what is wrong with it."""
    try:
        content = json.loads(packed[NPM_LOCK].data)
        packages = content["packages"]
        needed = {name: each for name, each in packages.items() if name and not each.get("dev")}
    except (ValueError, KeyError, AttributeError, TypeError):
        fix = "Make it anew with npm 7 or newer: npm install --package-lock-only"
        return {}, [Finding(NPM_LOCK, "is not a lock file of version 2 or 3.", fix)]
    findings = []
    if PACKAGE not in packed:
        findings.append(Finding(PACKAGE, f"is missing beside {NPM_LOCK}.", "Add it: npm reads both."))
    for name, each in needed.items():
        if each.get("link"):
            what = f"{name.removeprefix(f'{MODULES}/')} is a link to {each.get('resolved')}."
            findings.append(
                Finding(NPM_LOCK, what, f"Workspaces are not installed here: run npm ci, and pack {MODULES}/ itself.")
            )
    return needed, findings


def unbuilt(needed: Mapping[str, Any]) -> Iterator[Finding]:
    """Warnings about packages with an installation script, which does not run."""
    for name, each in needed.items():
        if each.get("hasInstallScript"):
            package = name.rpartition(f"{MODULES}/")[2]
            yield Finding(
                NPM_LOCK, f"{package} has an installation script, which is not run.",
                f"If it compiles something, use a package with prebuilt files, or build it on such a server and pack "
                f"{MODULES}/ itself.", is_problem=False,
            )  # fmt: skip


def install(
    webapp: Path, packed: Mapping[str, PackedFile], needed: Mapping[str, Any], cache: Path
) -> dict[str, PackedFile]:
    """Make `node_modules` from the lock; the same lock is installed once.

    Args:
        needed: The packages in the lock.

    Raises:
        BundleError: npm is missing, too old, or fails.
    """
    if not needed:
        return {}
    files = {name: packed[name].data for name in (PACKAGE, NPM_LOCK)}
    key = hashlib.sha256(b"\0".join(files.values())).hexdigest()
    has_platforms = any(each.get("os") or each.get("cpu") for each in needed.values())
    if (webapp / SETTINGS).is_file():
        files[SETTINGS] = (webapp / SETTINGS).read_bytes()
    together: dict[str, PackedFile] = {}
    for system, cpu in PLATFORMS if has_platforms else PLATFORMS[:1]:
        folder = cache / key / f"{system}-{cpu}"
        if not folder.is_dir():
            _install(files, folder, system, cpu, has_platforms=has_platforms)
        together = read_tree(folder) | together
    together.pop(f"{MODULES}/.package-lock.json", None)  # npm's own list of one platform
    return together


def _install(files: Mapping[str, bytes], into: Path, system: str, cpu: str, *, has_platforms: bool) -> None:
    npm = _find_npm(has_platforms=has_platforms)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        work = Path(folder, "work")
        work.mkdir()
        for name, data in files.items():
            (work / name).write_bytes(data)
        platform = [f"--os={system}", f"--cpu={cpu}", *(["--libc=glibc"] if system == "linux" else [])]
        done = subprocess.run(
            [npm, "ci", *_OPTIONS, *(platform if has_platforms else [])],
            cwd=work, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith(("npm error", "npm ERR!"))]
            raise BundleError(
                f"npm cannot install what {NPM_LOCK} locks: {' '.join(lines[:6]) or done.stderr.strip()[-400:]}",
                fix=f"Run `npm ci` in the application's folder to see more. {PACKAGE} and {NPM_LOCK} have to agree, "
                "and npm needs its registry once (its own settings apply).",
            )
        (work / MODULES).mkdir(exist_ok=True)
        for name in files:
            (work / name).unlink()
        work.replace(into)


def _find_npm(*, has_platforms: bool) -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise BundleError(
            f"npm is missing, and {NPM_LOCK} is installed by it.",
            fix=f"Install Node.js with npm, or pack the {MODULES}/ that `npm ci --omit=dev` makes elsewhere.",
        )
    if has_platforms:
        done = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False)
        version = tuple(map(int, re.findall(r"\d+", done.stdout)[:3]))
        if version < OLDEST_NPM:
            raise BundleError(
                f"npm is {done.stdout.strip()}, and cannot install the packages of {NPM_LOCK} that differ by platform "
                "for another platform than this one.",
                fix=f"Install npm {'.'.join(map(str, OLDEST_NPM))} or newer.",
            )
    return npm


def foreign_binaries(packed: Mapping[str, PackedFile], architectures: Collection[str]) -> Iterator[Finding]:
    """Warnings about compiled modules that no server can load.

    Args:
        architectures: Of the servers, as EC2 names them; empty for any.
    """
    wanted = set(architectures) or set(_ELF_MACHINES.values())
    for name, file in packed.items():
        if not name.endswith(".node") or not name.startswith(f"{MODULES}/"):
            continue
        machine = _ELF_MACHINES.get(int.from_bytes(file.data[18:20], "little"))
        system = f"Linux {machine}" if file.data.startswith(b"\x7fELF") else "another system than Linux"
        if not file.data.startswith(b"\x7fELF") or machine not in wanted:
            package = name.split("/")[1]
            yield Finding(
                name, f"{package} is compiled for {system}; the servers are Linux {' or '.join(sorted(wanted))}.",
                f"If it is needed there: leave {MODULES}/ out in .bundleignore, so that it is made from {NPM_LOCK}.",
                is_problem=False,
            )  # fmt: skip
