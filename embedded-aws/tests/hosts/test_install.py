"""Files are installed as by CodeDeploy's agent."""

import shutil

import pytest

from embedded_aws.hosts.appspec import AppSpec, Copy, Permission
from embedded_aws.hosts.host import Host
from embedded_aws.hosts.install import InstallError, install

ALL = AppSpec(files=(Copy("/", "/opt/app"),))


class Place:
    """A host's disk and a bundle to install on it."""

    def __init__(self, folder):
        self.host = Host("i-1", "us-west-2a", folder / "i-1", 0)
        self.host.create()
        self.archive, self.record = folder / "archive", folder / "record.json"

    def write(self, **files):
        for name, text in files.items():
            path = self.archive / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def install(self, spec=ALL, behavior=""):
        install(self.host, spec, self.archive, self.record, behavior)

    def on_disk(self, path):
        return self.host.root / path


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_folders_are_copied_with_their_contents(place):
    """`source: /` is the whole bundle; a file is copied into its destination."""
    place.write(a="1", b__c="2")
    place.install(AppSpec(files=(Copy("/", "/opt/app"), Copy("b/c", "/etc/app"))))
    assert place.on_disk("opt/app/b/c").read_text() == place.on_disk("etc/app/c").read_text() == "2"


def test_the_last_installation_is_removed(place):
    """Files of the application itself stay."""
    place.write(a="1", b__c="2")
    place.install()
    place.on_disk("opt/app/data").write_text("mine")
    (place.archive / "b" / "c").unlink()
    (place.archive / "b").rmdir()
    place.install()
    assert sorted(path.name for path in place.on_disk("opt/app").iterdir()) == ["a", "data"]


@pytest.mark.parametrize(("behavior", "found"), [("OVERWRITE", "new"), ("RETAIN", "old")])
def test_an_existing_file_is_overwritten_or_retained(place, behavior, found):
    place.write(a="new")
    place.on_disk("opt/app").mkdir(parents=True)
    place.on_disk("opt/app/a").write_text("old")
    place.install(behavior=behavior)
    assert place.on_disk("opt/app/a").read_text() == found


def test_by_default_an_existing_file_fails_the_deployment(place):
    """Before anything is copied, as on AWS."""
    place.write(a="new", b="new")
    place.on_disk("opt/app").mkdir(parents=True)
    place.on_disk("opt/app/b").write_text("old")
    with pytest.raises(InstallError, match="already exists at this location: /opt/app/b"):
        place.install()
    assert not place.on_disk("opt/app/a").exists()


def test_nothing_is_written_outside_of_the_host(place):
    """A destination that leaves its disk is rejected."""
    place.write(a="1")
    with pytest.raises(ValueError, match="outside"):
        place.install(AppSpec(files=(Copy("/", "/../../elsewhere"),)))


def test_modes_are_set_by_pattern(place):
    """A pattern matches the object's own entries; excepted files keep their mode."""
    place.write(a="1", b="2", sub__a="3")
    permission = Permission("/opt/app", pattern="*", excepted=("b",), types=("file",), mode=0o600)
    place.install(AppSpec(files=ALL.files, permissions=(permission,)))
    modes = {name: place.on_disk(f"opt/app/{name}").stat().st_mode & 0o777 for name in ("a", "b", "sub/a")}
    assert modes["a"] == 0o600
    assert modes["b"] == modes["sub/a"] == 0o644


def test_a_missing_source_is_an_error(place):
    place.write(a="1")
    with pytest.raises(InstallError, match="No such file"):
        place.install(AppSpec(files=(Copy("b", "/opt/app"),)))


def test_a_partial_installation_is_removed_by_the_next(place, monkeypatch):
    """For example after a full disk."""
    place.write(a="1", b="2")

    def full(source, target, **_):
        target.write_text("" if source.name == "b" else "1")
        if source.name == "b":
            raise OSError("No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(shutil, "copy2", full)
        with pytest.raises(OSError, match="No space left"):
            place.install(behavior="DISALLOW")
    assert place.on_disk("opt/app/a").exists()
    assert place.on_disk("opt/app/b").exists()
    place.install(behavior="DISALLOW")
    assert place.on_disk("opt/app/b").read_text() == "2"
