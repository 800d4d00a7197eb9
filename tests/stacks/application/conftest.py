"""Small applications, a stand-in for the runbook's own files, and a package index in a folder."""

import base64
import hashlib
import os
import zipfile
from functools import partial

import pytest

from runbook_lib.stacks.application import bundle, contents

FILES = {"Procfile": "web: python3 app/main.py\n", "app/main.py": "print('hello')\n", "bin/tool": "#!/bin/sh\n"}
SERVER = {
    "appspec.yml": "version: 0.0\nos: linux\nfiles: [{source: /, destination: /opt/webapp}]\n",
    "hooks/prepare.sh": "#!/bin/sh\n",
    "hooks/validate.sh": "#!/bin/sh\n",
    "run": "#!/bin/sh\n",
    "webapp@.service": "[Unit]\n",
}


def write(folder, files):
    """Write files into a folder by their names; an executable one begins with #!."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if path.read_bytes().startswith(b"#!"):
            path.chmod(0o755)
    return folder


@pytest.fixture
def app(tmp_path):
    """Makes a small application: the files of `FILES`, or others."""

    def make(name="app", files=FILES, **more):
        return write(tmp_path / name, files | more)

    return make


@pytest.fixture
def server(tmp_path):
    """The runbook's own files in a bundle."""
    return write(tmp_path / "server", SERVER)


@pytest.fixture
def build(tmp_path, server):
    """Packs an application, without the checkout's cache."""
    return partial(bundle.build, cache=tmp_path / "cache", server=server)


@pytest.fixture
def read_contents(tmp_path, server):
    """Reads an application with what is wrong with it."""
    return partial(contents.read_contents, cache=tmp_path / "cache", server=server)


class Index:
    """A package index in a folder, as pip reads it."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    @property
    def url(self):
        return self.folder.as_uri()

    def add(self, name, version="1.0", tags="py3-none-any", *, requires=(), scripts=()):
        """Add a wheel that installs next to nothing; returns its digest."""
        package = name.replace("-", "_")
        info = f"{package}-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
        points = "[console_scripts]\n" + "".join(f"{each} = {package}:main\n" for each in scripts)
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n" + "".join(f"Tag: {tag}\n" for tag in [tags])
        files = {f"{package}.py": tags, f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel}
        files |= {f"{info}/entry_points.txt": points} if scripts else {}
        path = self.folder / name / f"{package}-{version}-{tags}.whl"
        path.parent.mkdir(exist_ok=True)
        records = [
            f"{file},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
            for file, text in files.items()
        ]
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in (files | {f"{info}/RECORD": "\n".join([*records, f"{info}/RECORD,,"])}).items():
                archive.writestr(zipfile.ZipInfo(file), text)
        return self._list(path)

    def add_source(self, name, version="1.0"):
        """Add a source distribution, which is never built; returns its digest."""
        path = self.folder / name / f"{name}-{version}.tar.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a source distribution of " + name.encode())
        return self._list(path)

    def _list(self, path):
        files = sorted(each for each in path.parent.iterdir() if each.name != "index.html")
        digests = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in files}
        links = "".join(f'<a href="{name}#sha256={digest}">{name}</a>\n' for name, digest in digests.items())
        (path.parent / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
        return digests[path.name]


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of one's own: pip asks no other."""
    index = Index(tmp_path / "index")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    return index
