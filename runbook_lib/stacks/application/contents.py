"""What a bundle consists of: the application's files, what the runbook adds, and what the lock files determine."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.paths import checkout

from . import appspec, node, procfile, wheels
from .files import PackedFile, WebappFiles, read_files
from .findings import BundleError, Finding
from .ignore import LeftOut
from .lock import PROJECT, SOURCE, dependencies
from .pins import LOCK, read_lock

SERVER = Path(__file__).parent / "server"
"""The files of the runbook that go into every bundle: hooks, units, and the AppSpec file for a Procfile."""
REVISION, COMMIT, WHEELS = "REVISION", "COMMIT", "wheels"
_DRIVER = "pymysql"
"""What the runbook's hooks use on a server to make the application's database user; pure Python."""


@dataclass(frozen=True)
class Contents:
    """What a bundle of an application consists of, and what is wrong with it.

    Args:
        files: Of the application's folder.
        added: `appspec.yml` and the runbook's own files.
        locked: What the lock files determine: `wheels/` and `node_modules/`.
        processes: Of the Procfile.
        findings: Problems and warnings.
    """

    files: dict[str, PackedFile]
    added: dict[str, PackedFile] = field(default_factory=dict)
    locked: dict[str, PackedFile] = field(default_factory=dict)
    processes: tuple[procfile.Process, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def revision(self) -> str:
        """The digest of everything but what the lock files determine."""
        return digest(self.files | self.added)

    def all(self, commit: str = "") -> dict[str, PackedFile]:
        """Every file of the bundle by its name."""
        marks = {REVISION: PackedFile(f"{self.revision}\n".encode())}
        if commit:
            marks[COMMIT] = PackedFile(f"{commit}\n".encode())
        return self.files | self.locked | self.added | marks


def read_contents(
    webapp: Path, *, cache: Path | None = None, server: Path = SERVER, architectures: Collection[str] = ()
) -> Contents:
    """Read an application, add what the runbook and the lock files add, and check it.

    Nothing is raised for what is wrong with the application: it is a finding.

    Args:
        cache: For the files that the lock files name; by default the checkout's own, `.runbook`.
        server: The runbook's own files.
        architectures: Of the servers, as EC2 names them; empty when any will do.
    """
    read = read_files(webapp)
    if any(each.place == str(webapp) for each in read.findings):
        return Contents({}, findings=read.findings)
    findings = list(read.findings)
    cache = cache or checkout() / ".runbook"
    tools = _tools(server)
    own, processes = _start(read, findings)
    spec = own or PackedFile((server / appspec.APPSPEC).read_bytes() if processes else b"")
    files = {name: file for name, file in read.packed.items() if name not in appspec.NAMES}
    locked = _try(LOCK, lambda: _wheels(files, cache / "wheels", architectures, findings), findings)
    locked |= _try(node.NPM_LOCK, lambda: _modules(webapp, files, cache / "node", architectures, findings), findings)
    added = {appspec.APPSPEC: spec, **tools}
    return Contents(files, added, locked, processes, read.left_out, tuple(findings))


def revision(webapp: Path, server: Path = SERVER) -> str:
    """The digest of the application without what the lock files determine."""
    findings: list[Finding] = []
    read, tools = read_files(webapp), _tools(server)
    own, _ = _start(read, findings)
    spec = own or PackedFile((server / appspec.APPSPEC).read_bytes())
    files = {name: file for name, file in read.packed.items() if name not in appspec.NAMES}
    return Contents(files, {appspec.APPSPEC: spec, **tools}).revision


def _try(place: str, read: Callable[[], dict[str, PackedFile]], findings: list[Finding]) -> dict[str, PackedFile]:
    """The files that *read* returns; an error becomes a finding at *place*."""
    try:
        return read()
    except BundleError as error:
        findings += error.findings or [Finding(place, error.what, error.fix)]
    return {}


def _start(read: WebappFiles, findings: list[Finding]) -> tuple[PackedFile | None, tuple[procfile.Process, ...]]:
    """How the application is started: the owner's AppSpec file with what is added, or the lines of a Procfile."""
    named = [name for name in appspec.NAMES if name in read.packed]
    written = read.packed.get(procfile.PROCFILE)
    if len(named) > 1:
        findings.append(Finding(named[1], f"{named[0]} is there, too.", "Keep one of them."))
    if named:
        spec = appspec.parse(named[0], read.packed[named[0]].data, read.packed)
        findings += spec.findings
        if written:
            what = f"is not read, since there is {named[0]}, which starts the application."
            findings.append(Finding(procfile.PROCFILE, what, "Remove one of them.", is_problem=False))
        if any(each.is_problem for each in spec.findings):
            return None, ()
        return PackedFile(appspec.merge(spec.values)), ()
    if written is None:
        findings.append(_without_start(read))
        return None, ()
    lines = procfile.parse(written.data)
    findings += lines.findings
    return None, lines.processes


def _without_start(read: WebappFiles) -> Finding:
    """That nothing says how to start the application."""
    if appspec.FOR_LAMBDA in read.packed:
        what = f"CodeDeploy reads {appspec.APPSPEC} on servers; {appspec.FOR_LAMBDA} is for Lambda and ECS."
        return Finding(appspec.FOR_LAMBDA, what, f"Rename it to {appspec.APPSPEC}: JSON is YAML, too.")
    what = f"There is neither a Procfile nor an {appspec.APPSPEC}, so nothing says what to start."
    return Finding(procfile.PROCFILE, what, f"Write one line into {procfile.PROCFILE}: {procfile.EXAMPLE}")


def _tools(server: Path) -> dict[str, PackedFile]:
    """The runbook's own files by their names in the bundle, and the driver for the database."""
    tools = {}
    for path in sorted(server.rglob("*")):
        name = path.relative_to(server).as_posix()
        if path.is_file() and name != appspec.APPSPEC and "__pycache__" not in path.parts:
            tools[f"{appspec.TOOLS}/{name}"] = PackedFile(path.read_bytes(), path.suffix in ("", ".sh"))
    found = importlib.util.find_spec(_DRIVER)
    for place in (found and found.submodule_search_locations) or ():
        for path in sorted(Path(place).rglob("*.py")):
            name = f"{appspec.TOOLS}/lib/{_DRIVER}/{path.relative_to(place).as_posix()}"
            tools[name] = PackedFile(path.read_bytes())
    return tools


def _wheels(
    files: Mapping[str, PackedFile], cache: Path, architectures: Collection[str], findings: list[Finding]
) -> dict[str, PackedFile]:
    """The wheels that the lock names."""
    if LOCK not in files:
        source = SOURCE if SOURCE in files else PROJECT
        if SOURCE in files or (PROJECT in files and dependencies(files[PROJECT].data)):
            what = f"has dependencies, and there is no {LOCK} that locks them."
            findings.append(Finding(source, what, "Run `runbook lock`, and commit what it writes."))
        return {}
    lock = read_lock(files[LOCK].data)
    findings += lock.findings
    if lock.findings:
        return {}
    chosen = wheels.Wheelhouse(cache).choose(lock)
    findings += wheels.missing_wheels(chosen, architectures)
    packed = sorted({wheel for found in chosen.values() for wheel in found})
    return {f"{WHEELS}/{wheel.name}": PackedFile(wheel) for wheel in packed}


def _modules(
    webapp: Path,
    files: Mapping[str, PackedFile],
    cache: Path,
    architectures: Collection[str],
    findings: list[Finding],
) -> dict[str, PackedFile]:
    """`node_modules` as `package-lock.json` determines it; nothing when its owner packs it."""
    if node.has_modules(files):
        findings += node.foreign_binaries(files, architectures)
        if node.NPM_LOCK in files:
            what = f"is packed as it is, and not made from {node.NPM_LOCK}."
            fix = f"Write /{node.MODULES}/ into .bundleignore, unless it was put there on purpose."
            findings.append(Finding(f"{node.MODULES}/", what, fix, is_problem=False))
        return {}
    if node.NPM_LOCK not in files:
        return {}
    needed, problems = node.read_npm_lock(files)
    findings += problems
    if problems:
        return {}
    findings += node.unbuilt(needed)
    return node.install(webapp, files, needed, cache)


def digest(content: Mapping[str, PackedFile]) -> str:
    """The digest of files and their names."""
    lines = (f"{_digest(content[name])}  {name}\n" for name in sorted(content))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(file: PackedFile) -> str:
    with file.open() as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
