"""Everything that can be known about an application before it is deployed."""

from __future__ import annotations

import configparser
import re
import shlex
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from . import appspec, node, procfile
from .contents import SERVER, WHEELS, Contents, read_contents
from .findings import Finding
from .pins import LOCK

MAX_BYTES = 5 * 1024**3
"""The most that S3 takes in one request. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""
STANDARD = (
    "sh", "bash", "env", "test", "true", "sleep", "cat", "echo", "printf", "tail", "head", "sed", "awk", "grep", "find",
    "xargs", "date", "curl", "openssl", "gzip", "tar", "mkdir", "cp", "mv", "rm", "ln", "ls", "chmod", "touch", "cd",
    "timeout", "nice", "python3", "python3.11",
)  # fmt: skip
"""What Amazon Linux 2023 has, and Python, which the user data installs."""
PROGRAMS = {
    "nodejs22": ("node", "npm", "npx"),
    "ruby3.4": ("ruby", "gem", "bundle", "bundler", "irb"),
    "php8.4": ("php", "php-fpm"),
    "golang": ("go",),
    "java-21-amazon-corretto-headless": ("java", "jar"),
}
"""The programs of Amazon Linux's packages that are not named like them; the same for their other versions."""

_SKIPPED = re.compile(r"exec|env|[A-Za-z_]\w*=.*")
_PORT = re.compile(r"(?:--?(?:p|port|listen|bind|b|l)[= ]?|:|\bhttp\.server )\S*?(\d{2,5})\b")
_LOOPBACK = re.compile(r"127\.0\.0\.1|\blocalhost\b|\[::1\]")


def check(
    webapp: Path,
    *,
    packages: Collection[str] = (),
    architectures: Collection[str] = (),
    cache: Path | None = None,
    server: Path = SERVER,
) -> Contents:
    """Read an application as it is packed, with every finding about it.

    Args:
        packages: Amazon Linux's packages that the servers install, e.g. ``nodejs22``.
        architectures: Of the servers; empty when any will do.
        cache: See `read_contents`.
        server: See `read_contents`.
    """
    contents = read_contents(webapp, cache=cache, server=server, architectures=architectures)
    return replace(contents, findings=(*contents.findings, *_size(contents), *_commands(contents, packages)))


def _size(contents: Contents) -> Iterator[Finding]:
    if (size := size_of(contents)) > MAX_BYTES:
        what = f"The bundle has {size / 1e9:.1f} GB, and S3 takes {MAX_BYTES / 1e9:.1f} GB."
        yield Finding("bundle", what, "Leave files out in .bundleignore.")


def size_of(contents: Contents) -> int:
    """The bytes of all files."""
    return sum(file.size for part in (contents.files, contents.locked, contents.added) for file in part.values())


def _commands(contents: Contents, packages: Collection[str]) -> Iterator[Finding]:
    """Warnings about the commands of the Procfile."""
    for process in contents.processes:
        place = f"{procfile.PROCFILE}:{process.line}"
        try:
            words = [word for word in shlex.split(process.command, comments=True) if not _SKIPPED.fullmatch(word)]
        except ValueError:
            what = f"The quotes in the command of {process.name} do not match."
            yield Finding(place, what, "Close them.", is_problem=False)
            continue
        if words and (finding := _program(contents, place, words[0], packages)):
            yield finding
        if process.name == procfile.WEB:
            yield from _listening(place, process.command)


def _listening(place: str, command: str) -> Iterator[Finding]:
    """Warnings about where the web process listens."""
    port = _PORT.search(command)
    if port and "PORT" not in command:
        yield Finding(
            place, f"web listens on the fixed port {port[1]}.", f"Write $PORT for {port[1]}.", is_problem=False
        )
    if loopback := _LOOPBACK.search(command):
        what = f"web listens on {loopback[0]}, where the load balancer cannot reach it."
        yield Finding(place, what, f"Write 0.0.0.0 for {loopback[0]}.", is_problem=False)


def _program(contents: Contents, place: str, program: str, packages: Collection[str]) -> Finding | None:
    """A warning about a program that the servers do not have."""
    files = contents.files | contents.locked
    if "/" in program:
        name = program.removeprefix(f"{appspec.APPLICATION}/").removeprefix("./")
        if name.startswith(("/", "venv/", "$", "~")):
            return None
        if name not in files:
            return Finding(place, f"{program} is not in the bundle.", "Add it, or correct its path.", is_problem=False)
        if not files[name].executable:
            return Finding(place, f"{program} is not executable.", f"chmod +x {name}", is_problem=False)
        return None
    if program in STANDARD or "$" in program or f"{node.MODULES}/.bin/{program}" in files:
        return None
    if any(_has(package, program) for package in packages) or program in _scripts(contents):
        return None
    package = next((name for name, programs in PROGRAMS.items() if program in programs), "")
    remedy = f", e.g. {package}" if package else ", or lock the package of Python or Node that has it"
    return Finding(
        place, f"{program} is neither in the bundle nor on a server.",
        f"Name the package of Amazon Linux that has it in app.packages{remedy}.", is_problem=False,
    )  # fmt: skip


def _has(package: str, program: str) -> bool:
    """Whether a package of Amazon Linux has a program."""
    return program in (package, _base(package)) or any(
        program in programs for name, programs in PROGRAMS.items() if _base(name) == _base(package)
    )


def _base(package: str) -> str:
    """A package's name without its version."""
    return re.split(r"[\d.-]", package)[0]


def _scripts(contents: Contents) -> set[str]:
    """The programs of the wheels, which are in the virtual environment."""
    names = {"python", "pip"} if LOCK in contents.files else set()
    for name, file in contents.locked.items():
        if not name.startswith(f"{WHEELS}/"):
            continue
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            for each in archive.namelist():
                if each.endswith(".dist-info/entry_points.txt"):
                    points = configparser.ConfigParser(delimiters=("=",), interpolation=None)
                    points.optionxform = str  # type: ignore[assignment,method-assign] # names are case-sensitive
                    points.read_string(archive.read(each).decode("utf-8"))
                    names.update(points["console_scripts"] if points.has_section("console_scripts") else ())
                elif ".data/scripts/" in each:
                    names.add(each.rpartition("/")[2])
    return names


def describe(contents: Contents) -> list[tuple[str, str, str]]:
    """A table: a mark, a place, and what is there or what to write.

    ``ok`` marks what was checked and is right, ``✗`` a problem, ``!`` a warning.
    """
    rows = [("ok", *row) for row in _right(contents)]
    for finding in contents.findings:
        rows.append(("✗" if finding.is_problem else "!", finding.place, f"{finding.what} → {finding.fix}"))
    return rows


def _right(contents: Contents) -> Iterator[tuple[str, str]]:
    """What is right, by its file."""
    wrong = {each.place.partition(":")[0] for each in contents.findings if each.is_problem}
    if contents.processes and procfile.PROCFILE not in wrong:
        yield procfile.PROCFILE, ", ".join(process.name for process in contents.processes)
    elif contents.added.get(appspec.APPSPEC) and not wrong & {*appspec.NAMES, procfile.PROCFILE}:
        yield appspec.APPSPEC, "the application's own"
    found = [file for name, file in contents.locked.items() if name.startswith(f"{WHEELS}/")]
    if LOCK in contents.files and LOCK not in wrong:
        yield LOCK, f"{len(found)} wheels, {_megabytes(sum(file.size for file in found))}"
    if modules := len(contents.locked) - len(found):
        yield node.NPM_LOCK, f"{modules} files of {node.MODULES}"
    files = sum(file.size for file in contents.files.values())
    yield "files", f"{len(contents.files)} packed, {_megabytes(files)}; {len(contents.left_out)} left out"
    yield "bundle", f"{_megabytes(size_of(contents))} of {MAX_BYTES / 1e9:.1f} GB at most"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
