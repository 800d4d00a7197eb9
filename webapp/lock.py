"""Writes requirements.txt: what requirements.in resolves to, with the hash of each wheel that an instance may need."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux2014_x86_64", "manylinux2014_aarch64", "macosx_11_0_arm64", "macosx_10_13_x86_64")


def pip(*args: str) -> str:
    """What pip prints; its complaints go straight to the terminal."""
    return subprocess.run([sys.executable, "-m", "pip", *args], check=True, stdout=subprocess.PIPE, text=True).stdout


def resolve() -> list[tuple[str, str]]:
    """Names and versions that requirements.in resolves to today."""
    report = pip("install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary=:all:", "--report", "-",
                 "-r", str(HERE / "requirements.in"))  # fmt: skip
    found = [item["metadata"] for item in json.loads(report)["install"]]
    return sorted((re.sub(r"[-_.]+", "-", each["name"]).lower(), each["version"]) for each in found)


def fetch(pin: str, into: Path, *tags: str) -> None:
    """One wheel for one kind of machine."""
    pip("download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(into), *tags, pin)


def hashes(pin: str) -> list[str]:
    """The pure wheel's hash where there is one; else one for each Python and machine that we serve."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        try:
            fetch(pin, into, "--platform=any", "--python-version=3.11", "--implementation=py", "--abi=none")
        except subprocess.CalledProcessError:
            for python in PYTHONS:
                for platform in PLATFORMS:
                    fetch(pin, into, f"--platform={platform}", f"--python-version={python}", "--implementation=cp")
        return sorted(hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in into.iterdir())


def main() -> None:
    """Resolve, fetch, hash, write."""
    lines = ["# Made by lock.py from requirements.in: every hash here is one wheel of the bundle.\n"]
    for name, version in resolve():
        pin = f"{name}=={version}"
        lines.append(" \\\n".join([pin, *(f"    --hash=sha256:{each}" for each in hashes(pin))]) + "\n")
    (HERE / "requirements.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
