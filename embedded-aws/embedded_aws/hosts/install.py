"""The agent's Install: what the last deployment put in place goes, and the bundle's files come."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from embedded_aws.hosts.appspec import AppSpec, Permission
from embedded_aws.hosts.host import Machine

# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html (fileExistsBehavior)
DEFAULT_BEHAVIOR = "DISALLOW"


class InstallError(Exception):
    """The files cannot be put in place."""


def install(machine: Machine, spec: AppSpec, archive: Path, record: Path, behavior: str) -> None:
    """Put the files of a bundle in place, after those that the agent installed last are removed: `record` names them.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html

    Raises:
        InstallError: A file is there already and may not be overwritten, or a source is missing.
    """
    remove_recorded(record)
    behavior = spec.file_exists_behavior or behavior or DEFAULT_BEHAVIOR
    plan = list(_plan(machine, spec, archive))
    for source, target in plan:
        if not source.exists() and not source.is_symlink():
            raise InstallError(f"No such file or directory - {source}")
        if behavior == "DISALLOW" and target.exists() and not source.is_dir():
            where = "/" + str(target.relative_to(machine.root.resolve()))
            raise InstallError(
                f"The deployment failed because a specified file already exists at this location: {where}"
            )
    made: list[Path] = []
    try:
        for source, target in plan:
            if _comes(source, target, behavior):
                made.append(target)
                _put(source, target)
    finally:  # what a failure leaves half done is the next deployment's to remove, too
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps([str(path) for path in made]), encoding="utf-8")
    for permission in spec.permissions:
        _permit(permission, machine.path(permission.object), made)


def remove_recorded(record: Path) -> None:
    """Remove what was installed last: files, and the folders that are empty without them."""
    if not record.exists():
        return
    for name in reversed(json.loads(record.read_text(encoding="utf-8"))):
        path = Path(name)
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        else:
            path.unlink(missing_ok=True)
    record.unlink()


def _plan(machine: Machine, spec: AppSpec, archive: Path) -> Iterator[tuple[Path, Path]]:
    """Every file and folder with where it goes, folders before what is in them."""
    for copy in spec.files:
        source, destination = archive / copy.source.strip("/"), machine.path(copy.destination)
        if source.is_dir() and not source.is_symlink():
            yield source, destination
            for inside in sorted(source.rglob("*")):
                yield inside, destination / inside.relative_to(source)
        else:
            yield source, destination / source.name


def _comes(source: Path, target: Path, behavior: str) -> bool:
    """Whether it is the deployment's own from now on."""
    if source.is_dir() and not source.is_symlink():
        return not target.is_dir()
    return behavior != "RETAIN" or not target.exists()


def _put(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    shutil.copy2(source, target, follow_symlinks=False)


def _permit(permission: Permission, place: Path, made: list[Path]) -> None:
    """Set modes, on the object itself when it is a file, else on what is in it and fits."""
    if permission.mode is None:
        return
    found = [place] if place in made and not place.is_dir() else [path for path in made if place in path.parents]
    for path in found:
        kind = "directory" if path.is_dir() else "file"
        if kind in permission.types and (path == place or _fits(permission, str(path.relative_to(place)))):
            path.chmod(permission.mode)


def _fits(permission: Permission, name: str) -> bool:
    """A pattern other than ** means the object's own entries, not those of its folders.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-permissions.html
    """
    if "/" not in name and any(fnmatchcase(name, pattern) for pattern in permission.excepted):
        return False
    return permission.pattern == "**" or ("/" not in name and fnmatchcase(name, permission.pattern))
