"""The agent's Install event: remove the files of the last deployment, and copy those of the bundle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from embedded_aws.hosts.appspec import AppSpec, Permission
from embedded_aws.hosts.host import Host

# https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_CreateDeployment.html (fileExistsBehavior)
DEFAULT_BEHAVIOR = "DISALLOW"


class InstallError(Exception):
    """The files cannot be installed."""


def install(host: Host, spec: AppSpec, archive: Path, record: Path, behavior: str) -> None:
    """Install the files of a bundle, after removing those of the last installation, which `record` lists.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html

    Raises:
        InstallError: A file exists and must not be overwritten, or a source is missing.
    """
    remove_recorded(record)
    behavior = spec.file_exists_behavior or behavior or DEFAULT_BEHAVIOR
    copies = list(_list_copies(host, spec, archive))
    for source, target in copies:
        if not source.exists() and not source.is_symlink():
            raise InstallError(f"No such file or directory - {source}")
        if behavior == "DISALLOW" and target.exists() and not source.is_dir():
            location = "/" + str(target.relative_to(host.root.resolve()))
            raise InstallError(
                f"The deployment failed because a specified file already exists at this location: {location}"
            )
    installed: list[Path] = []
    try:
        for source, target in copies:
            if _is_installed(source, target, behavior):
                installed.append(target)
                _copy_file(source, target)
    finally:  # also after a failure: the next deployment removes these files
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps([str(path) for path in installed]), encoding="utf-8")
    for permission in spec.permissions:
        _set_modes(permission, host.path(permission.object), installed)


def remove_recorded(record: Path) -> None:
    """Remove the files of the last installation, and the folders that are empty without them."""
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


def _list_copies(host: Host, spec: AppSpec, archive: Path) -> Iterator[tuple[Path, Path]]:
    """Yield every file and folder with its destination, folders before their contents."""
    for copy in spec.files:
        source, destination = archive / copy.source.strip("/"), host.path(copy.destination)
        if source.is_dir() and not source.is_symlink():
            yield source, destination
            for inside in sorted(source.rglob("*")):
                yield inside, destination / inside.relative_to(source)
        else:
            yield source, destination / source.name


def _is_installed(source: Path, target: Path, behavior: str) -> bool:
    """Whether a target belongs to the deployment from now on."""
    if source.is_dir() and not source.is_symlink():
        return not target.is_dir()
    return behavior != "RETAIN" or not target.exists()


def _copy_file(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    shutil.copy2(source, target, follow_symlinks=False)


def _set_modes(permission: Permission, place: Path, installed: list[Path]) -> None:
    """Set modes: on the object itself when it is a file, else on its contents that match."""
    if permission.mode is None:
        return
    inside = [path for path in installed if place in path.parents]
    for path in [place] if place in installed and not place.is_dir() else inside:
        kind = "directory" if path.is_dir() else "file"
        if kind in permission.types and (path == place or _matches(permission, str(path.relative_to(place)))):
            path.chmod(permission.mode)


def _matches(permission: Permission, name: str) -> bool:
    """Whether a name matches; a pattern other than ** matches only the object's own entries, not those of its folders.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-permissions.html
    """
    if "/" not in name and any(fnmatchcase(name, pattern) for pattern in permission.excepted):
        return False
    return permission.pattern == "**" or ("/" not in name and fnmatchcase(name, permission.pattern))
