"""`node_modules` is packed as it is there, or made from `package-lock.json` for the servers' platform."""

import json
import stat
import subprocess
import zipfile

import pytest

from runbook_lib.stacks.application.findings import BundleError

from .conftest import write

NODE = {"Procfile": "web: node index.js\n", "package.json": '{"name": "a"}', "index.js": ""}

#: A stand-in for npm, which is not on every machine that tests run on. As `npm ci` does, as far as it matters, it reads
#: both files in the current folder, skips packages for another platform and for development, links each program in
#: node_modules/.bin, and writes a list of its own. https://docs.npmjs.com/cli/v11/commands/npm-ci
NPM = """#!/usr/bin/env python3
import json, os, pathlib, sys
calls = pathlib.Path(__file__).with_name("calls")
if sys.argv[1:] == ["--version"]:
    sys.exit(print("11.0.0"))
calls.open("a").write(" ".join(sys.argv[1:]) + "\\n")
options = dict(each[2:].partition("=")[::2] for each in sys.argv[2:])
assert sys.argv[1] == "ci" and options["omit"] == "dev" and "ignore-scripts" in options, sys.argv
json.loads(pathlib.Path("package.json").read_text())
for name, each in json.loads(pathlib.Path("package-lock.json").read_text())["packages"].items():
    if name == "" or each.get("dev"):
        continue
    if each.get("broken"):
        print("npm error code E404\\nnpm error 404 Not Found", file=sys.stderr)
        sys.exit(1)
    wanted = {"os": options.get("os"), "cpu": options.get("cpu")}
    if any(each.get(key) and value not in each[key] for key, value in wanted.items()):
        continue
    folder = pathlib.Path(name)
    folder.mkdir(parents=True)
    (folder / "index.js").write_text(f"// {name}")
    for program, path in each.get("bin", {}).items():
        (folder / path).write_text("#!/usr/bin/env node\\n")
        (folder / path).chmod(0o755)
        pathlib.Path("node_modules/.bin").mkdir(exist_ok=True)
        os.symlink(f"../{folder.name}/{path}", f"node_modules/.bin/{program}")
pathlib.Path("node_modules").mkdir(exist_ok=True)
pathlib.Path("node_modules/.package-lock.json").write_text(options.get("cpu", ""))
"""


def lock(**packages):
    content = {"lockfileVersion": 3, "packages": {"": {"name": "a"}, **packages}}
    return {"package-lock.json": json.dumps(content)}


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """npm on PATH; returns its calls."""
    folder = write(tmp_path / "npm", {"npm": NPM, "calls": ""})
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return lambda: (folder / "calls").read_text().splitlines()


@pytest.fixture
def no_npm(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


EXPRESS = {"node_modules/express": {"version": "5.0.0", "bin": {"serve": "cli.js"}}, "node_modules/jest": {"dev": True}}


class TestFromTheLock:
    def test_packages_are_installed_without_scripts_and_without_those_for_development(self, app, build, npm, tmp_path):
        bundle = build(app("one", NODE | lock(**EXPRESS)), tmp_path)
        with zipfile.ZipFile(bundle.path) as archive:
            modules = {name for name in archive.namelist() if name.startswith("node_modules/")}
        express = {"node_modules/express/index.js", "node_modules/express/cli.js"}
        assert modules == {*express, "node_modules/.bin/serve"}
        assert bundle.modules == 3
        assert npm() == ["ci --omit=dev --ignore-scripts --no-audit --no-fund --no-progress"]

    def test_the_same_lock_is_installed_once(self, app, build, npm, tmp_path):
        first = build(app("one", NODE | lock(**EXPRESS)), tmp_path)
        assert build(app("two", NODE | lock(**EXPRESS)), tmp_path).sha256 == first.sha256
        assert len(npm()) == 1
        build(app("three", NODE | lock(**EXPRESS, **{"node_modules/b": {}})), tmp_path)
        assert len(npm()) == 2

    def test_a_program_of_a_package_finds_its_own_modules(self, app, build, npm, tmp_path):
        """npm links it; CodeDeploy's agent copies no links, and a copy would look in the wrong folder."""
        bundle = build(app("one", NODE | lock(**EXPRESS)), tmp_path)
        with zipfile.ZipFile(bundle.path) as archive:
            archive.extractall(tmp_path / "server")
            mode = archive.getinfo("node_modules/.bin/serve").external_attr >> 16
        target = tmp_path / "server" / "node_modules" / "express" / "cli.js"
        write(target.parent, {"cli.js": '#!/bin/sh\necho "$0 $*"\n'})
        launcher = tmp_path / "server" / "node_modules" / ".bin" / "serve"
        done = subprocess.run(["sh", launcher, "a b"], capture_output=True, text=True, check=True)
        assert done.stdout == f"{launcher.parent}/../express/cli.js a b\n"
        assert stat.S_IMODE(mode) == 0o755

    def test_packages_for_one_platform_are_there_for_each(self, app, build, npm, tmp_path):
        """Of the servers, and of a rehearsal on a Mac; never what this machine would choose."""
        native = {
            f"node_modules/@x/{system}-{cpu}": {"os": [system], "cpu": [cpu], "optional": True}
            for system in ("linux", "darwin", "win32")
            for cpu in ("arm64", "x64")
        }
        bundle = build(app("one", NODE | lock(**EXPRESS, **native)), tmp_path)
        with zipfile.ZipFile(bundle.path) as archive:
            found = {name.split("/")[2] for name in archive.namelist() if name.startswith("node_modules/@x/")}
            assert "node_modules/.package-lock.json" not in archive.namelist()
        assert found == {"linux-arm64", "linux-x64", "darwin-arm64", "darwin-x64"}
        assert [call.split("--no-progress ")[1] for call in npm()] == [
            "--os=linux --cpu=arm64 --libc=glibc", "--os=linux --cpu=x64 --libc=glibc",
            "--os=darwin --cpu=arm64", "--os=darwin --cpu=x64",
        ]  # fmt: skip

    def test_the_lock_determines_the_modules_and_the_revision_does_not_hold_them(self, app, read_contents, npm):
        contents = read_contents(app("one", NODE | lock(**EXPRESS)))
        assert set(contents.files) == {*NODE, "package-lock.json"}
        assert {name.split("/")[0] for name in contents.locked} == {"node_modules"}

    def test_without_npm_it_is_told_what_to_install_or_to_pack(self, app, build, no_npm, tmp_path):
        with pytest.raises(
            BundleError, match=r"npm is missing[\s\S]*Install Node\.js with npm, or pack the node_modules/"
        ):
            build(app("one", NODE | lock(**EXPRESS)), tmp_path)

    def test_an_old_npm_would_install_for_this_machine(self, app, build, npm, tmp_path):
        write(tmp_path / "npm", {"npm": NPM.replace("11.0.0", "9.8.1")})
        build(app("one", NODE | lock(**EXPRESS)), tmp_path)
        with pytest.raises(BundleError, match=r"npm is 9\.8\.1[\s\S]*Install npm 10"):
            build(app("two", NODE | lock(**{"node_modules/a": {"os": ["linux"]}})), tmp_path)

    def test_what_npm_says_is_told(self, app, build, npm, tmp_path):
        with pytest.raises(BundleError, match=r"npm error code E404 npm error 404 Not Found"):
            build(app("one", NODE | lock(**{"node_modules/a": {"broken": True}})), tmp_path)
        assert [path for path in (tmp_path / "cache").rglob("*") if path.name == "node_modules"] == []

    @pytest.mark.parametrize(
        ("files", "place", "what"),
        [
            ({"package-lock.json": "{"}, "package-lock.json", "not a lock file of version 2 or 3"),
            ({"package-lock.json": '{"lockfileVersion": 1}'}, "package-lock.json", "not a lock file of version 2 or 3"),
            (
                lock(**{"node_modules/a": {"link": True, "resolved": "libs/a"}}),
                "package-lock.json",
                "a is a link to libs/a",
            ),
        ],
    )
    def test_a_lock_that_cannot_be_installed_is_told(self, app, read_contents, npm, files, place, what):
        finding = read_contents(app("one", NODE | files)).findings[0]
        assert finding.place == place
        assert what in finding.what

    def test_a_package_that_has_to_be_built_is_a_warning(self, app, build, npm, tmp_path):
        native = {
            "node_modules/bcrypt": {"hasInstallScript": True},
            "node_modules/d": {"dev": True, "hasInstallScript": True},
        }
        warnings = build(app("one", NODE | lock(**native)), tmp_path).warnings
        assert [each.what for each in warnings] == ["bcrypt has an installation script, which is not run."]


class TestVendored:
    def test_modules_that_are_there_are_packed(self, app, build, no_npm, tmp_path):
        """Also files in them that the default would leave out of the application's own folder."""
        one = app("one", NODE | {"node_modules/a/index.js": "x", "node_modules/a/venv/x": "x"})
        assert {"node_modules/a/index.js", "node_modules/a/venv/x"} <= set(build(one, tmp_path).packed)

    def test_beside_a_lock_they_are_packed_with_a_warning(self, app, build, no_npm, tmp_path):
        bundle = build(app("one", NODE | lock(**EXPRESS) | {"node_modules/a/index.js": "x"}), tmp_path)
        assert "node_modules/a/index.js" in bundle.packed
        assert "not made from package-lock.json" in bundle.warnings[0].what

    def test_left_out_they_are_made_from_the_lock(self, app, build, npm, tmp_path):
        more = {"node_modules/mine/index.js": "x", ".bundleignore": "/node_modules/\n"}
        with zipfile.ZipFile(build(app("one", NODE | lock(**EXPRESS) | more), tmp_path).path) as archive:
            names = archive.namelist()
        assert "node_modules/express/index.js" in names
        assert "node_modules/mine/index.js" not in names

    @pytest.mark.parametrize(
        ("head", "architecture", "words"),
        [
            (b"\x7fELF" + b"\0" * 14 + b"\xb7\0", "arm64", None),
            (b"\x7fELF" + b"\0" * 14 + b"\x3e\0", "arm64", "compiled for Linux x86_64; the servers are Linux arm64"),
            (b"\xcf\xfa\xed\xfe" + b"\0" * 20, "arm64", "compiled for another system than Linux"),
        ],
    )
    def test_a_compiled_module_for_another_platform_is_told(self, app, read_contents, head, architecture, words):
        one = app("one", NODE | {"node_modules/a/build/x.node": head})
        found = [each.what for each in read_contents(one, architectures=[architecture]).findings]
        assert len(found) == bool(words)
        assert not words or words in found[0]
