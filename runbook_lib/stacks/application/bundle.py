"""Build the CodeDeploy bundle of `webapp/`: a zip file whose bytes depend on its content only."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.files import write_atomically
from runbook_lib.paths import checkout

from . import appspec, node, procfile, wheels
from .files import PackedFile, WebappFiles, read_files
from .findings import BundleError, Finding, require_none
from .ignore import LeftOut
from .lock import PROJECT, dependencies

SERVER = Path(__file__).parent / "server"
"""The files of the runbook that go into every bundle: hooks, units, and the AppSpec file for a Procfile."""
REVISION, COMMIT, WHEELS = "REVISION", "COMMIT", "wheels"
_DRIVER = "pymysql"
"""What the runbook's hooks use on a server to make the application's database user; pure Python."""


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Args:
        sha256: Of the zip file, in hexadecimal.
        size: In bytes.
        revision: What is compared with what runs on a server.
        packed: Names of the application's files in it.
        wheels: How many wheels are in it.
        modules: How many files of `node_modules` were made from its lock.
        left_out: What is in the folder and not in the bundle, and why.
        warnings: What may be wrong with the application.
    """

    path: Path
    sha256: str
    size: int
    revision: str
    packed: tuple[str, ...] = ()
    wheels: int = 0
    modules: int = 0
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        files = f"{len(self.packed)} files, {self.wheels} wheels"
        modules = f", {self.modules} files of node_modules" if self.modules else ""
        size = f"{self.size / 1e6:.1f} MB"
        first = f"bundle {self.sha256}, {size}, {files}{modules}; revision: {self.revision}{_left_out(self.left_out)}"
        return "\n".join([first, *(f"! {each}\n    → {each.fix}" for each in self.warnings)])


def _left_out(names: Iterable[LeftOut]) -> str:
    """How many files and folders are left out, by whose rule."""
    counts = Counter(each.why.partition(":")[0] for each in names)
    text = ", ".join(f"{number} by {whose}" for whose, number in sorted(counts.items()))
    return f"; left out: {text}" if text else ""


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
        return _digest(self.files | self.added)

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
    own, processes = _start(read, tools, findings)
    spec = own or PackedFile((server / appspec.APPSPEC).read_bytes() if processes else b"")
    files = {name: file for name, file in read.packed.items() if name not in appspec.NAMES}
    locked = _try(lambda: _wheels(files, cache / "wheels", architectures, findings), findings)
    locked |= _try(lambda: _modules(webapp, files, cache / "node", architectures, findings), findings)
    added = {appspec.APPSPEC: spec, **tools}
    return Contents(files, added, locked, processes, read.left_out, tuple(findings))


def build(
    webapp: Path,
    into: Path,
    *,
    cache: Path | None = None,
    commit: str = "",
    server: Path = SERVER,
    architectures: Collection[str] = (),
) -> Bundle:
    """Pack ``webapp`` as ``into/<sha256>.zip``.

    Args:
        commit: It changes ``sha256``, not ``revision``.

    Raises:
        BundleError: Something is wrong with the application; it names every problem.
    """
    return pack(read_contents(webapp, cache=cache, server=server, architectures=architectures), into, commit=commit)


def pack(contents: Contents, into: Path, *, commit: str = "") -> Bundle:
    """Write a bundle as ``into/<sha256>.zip``.

    Raises:
        BundleError: Something is wrong with the application; it names every problem.
    """
    require_none(contents.findings)
    packed = _zip(contents.all(commit))
    name = hashlib.sha256(packed).hexdigest()
    path = write_atomically(into / f"{name}.zip", packed)
    found = sum(each.startswith(f"{WHEELS}/") for each in contents.locked)
    return Bundle(
        path, name, len(packed), contents.revision, tuple(sorted(contents.files)), found,
        len(contents.locked) - found, contents.left_out, contents.findings,
    )  # fmt: skip


def unpack(contents: Contents, into: Path, *, commit: str = "") -> None:
    """Write the files of a bundle into a folder, in place of those of a former bundle.

    Raises:
        BundleError: Something is wrong with the application, or the folder holds something else than a former bundle.
    """
    require_none(contents.findings)
    if into.is_dir():
        _require_former_bundle(into)
        for path in into.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, file in contents.all(commit).items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(0o755 if file.executable else 0o644)


def _require_former_bundle(folder: Path) -> None:
    """Require that a folder is empty, or that its files are those of a bundle: their digest is in REVISION."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    names = [name for name in names if name.split("/")[0] != ".git"]
    if not names:
        return
    mark, has_lock = folder / REVISION, (folder / node.NPM_LOCK).is_file()
    made = (WHEELS, node.MODULES) if has_lock else (WHEELS,)
    kept = [name for name in names if name not in (REVISION, COMMIT)]
    digests = {
        _digest({name: PackedFile((folder / name).read_bytes()) for name in kept if name.split("/")[0] not in without})
        for without in {made, (WHEELS,)}
    }
    if not mark.is_file() or mark.read_text(encoding="utf-8", errors="replace").strip() not in digests:
        raise BundleError(
            f"{folder} is not empty, and does not hold a former bundle as it was written.",
            fix="Name a new or empty folder, or a checkout of the deployment branch; files beside .git are replaced.",
        )


def revision(webapp: Path, server: Path = SERVER) -> str:
    """The digest of the application without what the lock files determine."""
    findings: list[Finding] = []
    read, tools = read_files(webapp), _tools(server)
    own, _ = _start(read, tools, findings)
    spec = own or PackedFile((server / appspec.APPSPEC).read_bytes())
    files = {name: file for name, file in read.packed.items() if name not in appspec.NAMES}
    return Contents(files, {appspec.APPSPEC: spec, **tools}).revision


def _try(read: Callable[[], dict[str, PackedFile]], findings: list[Finding]) -> dict[str, PackedFile]:
    """The files that *read* returns; an error becomes a finding."""
    try:
        return read()
    except BundleError as error:
        findings += error.findings or [Finding("locks", error.what, error.fix)]
    return {}


def _start(
    read: WebappFiles, tools: Mapping[str, PackedFile], findings: list[Finding]
) -> tuple[PackedFile | None, tuple[procfile.Process, ...]]:
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
        return PackedFile(appspec.merge(spec.values, tools)), ()
    if written is None:
        findings.append(
            Finding(
                procfile.PROCFILE, "There is neither a Procfile nor an appspec.yml, so nothing says what to start.",
                f"Write one line into {procfile.PROCFILE}: {procfile.EXAMPLE}",
            )
        )  # fmt: skip
        return None, ()
    lines = procfile.parse(written.data)
    findings += lines.findings
    return None, lines.processes


def _tools(server: Path) -> dict[str, PackedFile]:
    """The runbook's own files by their names in the bundle, and the driver for the database."""
    tools = {}
    for path in sorted(server.rglob("*")) if server.is_dir() else ():
        name = path.relative_to(server).as_posix()
        if path.is_file() and name != appspec.APPSPEC and "__pycache__" not in path.parts:
            tools[f"{appspec.TOOLS}/{name}"] = PackedFile(path.read_bytes(), path.suffix in ("", ".sh"))
    found = importlib.util.find_spec(_DRIVER)
    for place in found.submodule_search_locations or () if found and tools else ():
        for path in sorted(Path(place).rglob("*.py")):
            name = f"{appspec.TOOLS}/lib/{_DRIVER}/{path.relative_to(place).as_posix()}"
            tools[name] = PackedFile(path.read_bytes())
    return tools


def _wheels(
    files: Mapping[str, PackedFile], cache: Path, architectures: Collection[str], findings: list[Finding]
) -> dict[str, PackedFile]:
    """The wheels that the lock names."""
    if wheels.LOCK not in files:
        if PROJECT in files and dependencies(files[PROJECT].data):
            what = f"has dependencies, and there is no {wheels.LOCK} that locks them."
            findings.append(Finding(PROJECT, what, "Run `runbook lock`, and commit what it writes."))
        return {}
    lock = wheels.read_lock(files[wheels.LOCK].data)
    findings += lock.findings
    if lock.findings:
        return {}
    chosen = wheels.Wheelhouse(cache).choose(lock)
    findings += wheels.missing_wheels(chosen, architectures)
    packed = sorted({wheel for found in chosen.values() for wheel in found})
    return {f"{WHEELS}/{wheel.name}": PackedFile(wheel.read_bytes()) for wheel in packed}


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


def _digest(content: Mapping[str, PackedFile]) -> str:
    lines = (f"{hashlib.sha256(content[name].data).hexdigest()}  {name}\n" for name in sorted(content))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _zip(content: Mapping[str, PackedFile]) -> bytes:
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
