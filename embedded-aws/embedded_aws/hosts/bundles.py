"""Unpack a bundle as CodeDeploy's agent does."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

from embedded_aws.hosts.appspec import AppSpec, AppSpecError, parse

APPSPEC = "appspec.yml"
TARS = {"tar": "r:", "tgz": "r:gz"}


class BundleError(ValueError):
    """The bundle cannot be unpacked."""


def unpack(content: bytes, kind: str, into: Path) -> None:
    """Unpack a bundle into a new folder, with the modes that it gives its files.

    Raises:
        BundleError: It is damaged, or not of this kind.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        if kind in TARS:
            with tarfile.open(fileobj=io.BytesIO(content), mode=TARS[kind]) as tar:  # type: ignore[call-overload]
                tar.extractall(into, filter="data")
        else:
            _unzip(content, into)
    except (zipfile.BadZipFile, tarfile.TarError, OSError, EOFError) as error:
        raise BundleError(f"The bundle could not be unpacked as {kind}: {error}") from error


def _unzip(content: bytes, into: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, into))
            mode = entry.external_attr >> 16 & 0o777
            if mode and not entry.is_dir():  # zipfile ignores modes, unzip does not
                path.chmod(mode | 0o600)


def appspec_of(archive: Path) -> AppSpec:
    """Return the AppSpec file of an unpacked bundle.

    Raises:
        AppSpecError: There is none, or the agent would reject it.
    """
    path = archive / APPSPEC
    if not path.is_file():
        raise AppSpecError(
            "The CodeDeploy agent did not find an AppSpec file within the unpacked revision directory at "
            f'revision-relative path "{APPSPEC}". The revision was unpacked to directory "{archive}", and the AppSpec '
            f'file was expected but not found at path "{path}". Consult the AWS CodeDeploy Appspec documentation for '
            "more information at http://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file.html"
        )
    return parse(path.read_text(encoding="utf-8"))
