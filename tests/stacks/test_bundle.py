"""The same application is the same bundle, byte for byte, wherever it is packed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import runbook_lib
from runbook_lib.runs import start
from runbook_lib.stacks.bundle import BundleError, build, revision, wheelhouse

WEBAPP = Path(runbook_lib.__file__).parents[1] / "webapp"
FILES = {"appspec.yml": "version: 0.0\nos: linux\n", "app/main.py": "print('hello')\n", "hooks/start.sh": "#!/bin/sh\n"}


@pytest.fixture
def app(tmp_path):
    """A small application that locks no wheels."""

    def make(name, files=FILES):
        for path, text in files.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return tmp_path / name

    return make


def test_the_same_content_is_the_same_bundle(app, tmp_path):
    """Neither the order in which files were made, nor their times and modes, nor the folder's name count."""
    one, two = app("one"), app("two", dict(reversed(FILES.items())))
    os.utime(two / "appspec.yml", (0, 0))
    (two / "app" / "main.py").chmod(0o600)
    first, second = build(one, tmp_path / "a"), build(two, tmp_path / "b")
    assert first.sha256 == second.sha256
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.path.name == f"{first.sha256}.zip"


@pytest.mark.parametrize("path", FILES)
def test_another_content_is_another_bundle(app, tmp_path, path):
    one, two = app("one"), app("two", FILES | {path: FILES[path] + "# changed\n"})
    assert build(one, tmp_path).sha256 != build(two, tmp_path).sha256
    assert revision(one) != revision(two)


def test_what_only_a_developer_has_does_not_travel(app, tmp_path):
    one = app("one")
    noise = {"__pycache__/x.pyc": "x", "tests/test_x.py": "x", ".env": "SECRET=1", "notes.md": "x", "app/x.swp": "x"}
    two = app("two", FILES | noise)
    assert build(one, tmp_path).sha256 == build(two, tmp_path).sha256


def test_what_is_packed_and_what_is_left_out_is_said(app, tmp_path):
    """Folders of developers are left out at the top only: below it, `run` or `tests` may be the application's own."""
    more = {
        "run/x": "x", "tests/test_x.py": "x", "README.md": "x", ".env": "SECRET=1", "app/__pycache__/x.pyc": "x",
        "app/run/main.py": "x", "app/tests/data.md": "x", "app/.hidden": "x", "venv_tools.py": "x",
    }  # fmt: skip
    bundle = build(app("one", FILES | more), tmp_path)
    with zipfile.ZipFile(bundle.path) as archive:
        assert set(bundle.packed) == set(archive.namelist()) - {"REVISION"}
    assert set(bundle.packed) == {*FILES, "app/run/main.py", "app/tests/data.md", "venv_tools.py"}
    assert bundle.left_out == (".env", "README.md", "app/.hidden", "run/", "tests/")
    assert "6 files, 0 wheels" in repr(bundle)
    assert repr(bundle).endswith("; left out: .env, README.md, app/.hidden, run/, tests/")


class TestLinks:
    """A link is packed as what it points to, if that is in the folder; nothing from outside travels."""

    @pytest.fixture
    def outside(self, tmp_path):
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "key").write_text("secret")
        return tmp_path / "secrets"

    def test_links_within_the_folder_are_packed_as_what_they_point_to(self, app, tmp_path):
        one = app("one")
        (one / "main.py").symlink_to("app/main.py")
        (one / "also").symlink_to("app")
        with zipfile.ZipFile(build(one, tmp_path).path) as archive:
            assert {archive.read(name) for name in ("main.py", "also/main.py")} == {FILES["app/main.py"].encode()}

    @pytest.mark.parametrize("target", ["key", "."], ids=["file", "folder"])
    def test_a_link_that_leaves_the_folder_is_refused(self, app, tmp_path, outside, target):
        one = app("one")
        (one / "app" / "data").symlink_to(outside / target)
        with pytest.raises(BundleError, match=r"webapp/app/data is a link to .*secrets.*outside webapp/"):
            build(one, tmp_path)
        (one / "app" / "data").rename(one / ".data")
        assert build(one, tmp_path).left_out == (".data",)

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("nowhere", "link to nothing: nowhere"),
            ("data", "link to nothing: data"),
            ("../app", "link to a folder around it"),
        ],
    )
    def test_a_link_that_leads_nowhere_is_refused(self, app, tmp_path, target, words):
        one = app("one")
        (one / "app" / "data").symlink_to(target)
        with pytest.raises(BundleError, match=f"webapp/app/data is a {words}"):
            build(one, tmp_path)


def test_a_file_that_can_be_executed_stays_so(app, tmp_path):
    one = app("one", FILES | {"bin/tool": "#!/bin/sh\n"})
    before = build(one, tmp_path)
    (one / "bin" / "tool").chmod(0o755)
    bundle = build(one, tmp_path)
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.getinfo("bin/tool").external_attr >> 16 == 0o100755
    assert bundle.sha256 != before.sha256


@pytest.mark.parametrize("name", [b"caf\xe9.py", b"two\nlines.py", b"\x1b[2J.py"])
def test_a_name_that_is_no_text_is_refused(app, tmp_path, name):
    one = app("one")
    (Path(os.fsdecode(os.fsencode(one) + b"/" + name))).write_text("x")
    with pytest.raises(BundleError, match="not printable text in UTF-8") as raised:
        build(one, tmp_path)
    assert raised.value.what.isascii()
    assert raised.value.what.isprintable()


def test_what_is_neither_file_nor_folder_is_refused(app, tmp_path):
    """Reading a pipe would wait for ever."""
    one = app("one")
    os.mkfifo(one / "app" / "pipe")
    with pytest.raises(BundleError, match="webapp/app/pipe is neither a file nor a folder"):
        build(one, tmp_path)


class TestLineEnds:
    """Linux cannot run a hook with Windows line ends: CodeDeploy would say that the file does not exist."""

    @pytest.mark.parametrize("path", ["hooks/start.sh", "bin/tool"])
    def test_a_script_with_windows_line_ends_is_refused_by_name(self, app, tmp_path, path):
        one = app("one")
        (one / path).parent.mkdir(exist_ok=True)
        (one / path).write_bytes(b"#!/bin/sh\r\nexit 0\r\n")
        with pytest.raises(BundleError, match=rf"webapp/{path} has Windows line ends"):
            build(one, tmp_path)

    def test_data_may_have_any_line_ends(self, app, tmp_path):
        one = app("one")
        (one / "app" / "table.csv").write_bytes(b"a,b\r\n")
        assert "app/table.csv" in build(one, tmp_path).packed

    def test_a_checkout_as_on_windows_has_unix_line_ends(self, tmp_path):
        """As git does with `core.autocrlf`: the repository's attributes are stronger."""
        origin = tmp_path / "origin"
        hook = "webapp/hooks/application_start.sh"
        for name in (".gitattributes", hook):
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(WEBAPP.parent / name, origin / name)
        git(origin, "init", "--quiet")
        commit(origin, "a hook")
        git(tmp_path, "clone", "--quiet", "--config", "core.autocrlf=true", origin.as_uri(), "clone")
        assert (tmp_path / "clone" / hook).read_bytes() == (WEBAPP.parent / hook).read_bytes()
        assert b"\r" not in (WEBAPP.parent / hook).read_bytes()


def test_hooks_can_be_executed_and_the_revision_is_inside(app, tmp_path):
    bundle = build(app("one"), tmp_path)
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.getinfo("hooks/start.sh").external_attr >> 16 == 0o100755
        assert archive.getinfo("appspec.yml").external_attr >> 16 == 0o100644
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("REVISION").decode().strip() == bundle.revision == revision(tmp_path / "one")


def test_a_missing_wheel_is_named_with_what_to_do(app, tmp_path):
    (tmp_path / "wheels").mkdir()
    locked = FILES | {"requirements.txt": f"flask==3.0.0 --hash=sha256:{'0' * 64}\n"}
    with pytest.raises(BundleError, match=r"lacks a wheel of flask==3\.0\.0[\s\S]*lock\.py"):
        build(app("one", locked), tmp_path, wheels=tmp_path / "wheels")


def test_wheels_that_cannot_be_fetched_are_told_with_what_to_do(app, tmp_path, monkeypatch):
    """Without a network, and without a wheel in the cache: no traceback of pip's, and nothing half in the cache."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    locked = FILES | {"requirements.txt": f"flask==3.0.0 --hash=sha256:{'0' * 64}\n"}
    with pytest.raises(BundleError, match=r"cannot be downloaded[\s\S]*Connect to a package index once") as raised:
        wheelhouse(app("one", locked), tmp_path / "cache")
    assert "Traceback" not in str(raised.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_that_is_not_what_was_locked_is_refused(app, tmp_path):
    """Its name says nothing, its content counts: who changes the cache deploys nothing."""
    good = b"the wheel that was locked"
    lock = f"flask==3.0.0 --hash=sha256:{hashlib.sha256(good).hexdigest()}\n"
    one = app("one", FILES | {"requirements.txt": lock})
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels" / "flask-3.0.0-py3-none-any.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(BundleError, match="lacks a wheel of flask"):
        build(one, tmp_path, wheels=wheel.parent)
    wheel.write_bytes(good)
    (wheel.parent / "left-over-1.0-py3-none-any.whl").write_bytes(b"of an older lock")
    with zipfile.ZipFile(build(one, tmp_path, wheels=wheel.parent).path) as archive:
        assert [n for n in archive.namelist() if n.startswith("wheels/")] == [f"wheels/{wheel.name}"]
        assert archive.read(f"wheels/{wheel.name}") == good


def test_a_commit_is_another_zip_of_the_same_revision(app, tmp_path):
    """What servers answer at /version stays comparable, whoever packed it."""
    one = app("one")
    plain, named = build(one, tmp_path), build(one, tmp_path, commit="abc123")
    assert plain.sha256 != named.sha256
    assert plain.revision == named.revision


class TestPackedFromACheckout:
    """As `04_deploy` and `runbook bundle` pack it: the commit of the application is inside, of nothing else."""

    @pytest.fixture
    def checkout(self, tmp_path):
        """Makes clones of a small repository that holds an application; the same commits, each in another place."""
        origin = tmp_path / "origin"
        for name, content in FILES.items():
            write(origin / "webapp" / name, content)
        write(origin / "README.md", "An application.\n")
        git(origin, "init", "--quiet")
        commit(origin, "the application")
        write(origin / "README.md", "An application, explained.\n")
        commit(origin, "its explanation")

        def clone(name, *how):
            git(tmp_path, "clone", "--quiet", *how, origin.as_uri(), name)
            return tmp_path / name

        return clone

    @pytest.fixture
    def packed(self, tmp_path, monkeypatch):
        """The bundle of a checkout, and the commit that it names."""

        def pack(code):
            monkeypatch.setattr(start, "checkout", lambda: code)
            bundle = start.pack_webapp(tmp_path / "root")
            with zipfile.ZipFile(bundle.path) as archive:
                return bundle.sha256, archive.read("COMMIT").decode() if "COMMIT" in archive.namelist() else None

        return pack

    def test_two_clones_in_different_places_are_one_bundle(self, checkout, packed):
        one, two = checkout("one"), checkout("elsewhere/two")
        assert packed(one) == packed(two)
        assert packed(one)[1] == f"{git(one, 'rev-parse', 'HEAD~1')}\n"

    def test_a_commit_that_does_not_touch_it_changes_nothing(self, checkout, packed):
        """Otherwise every commit would be another deployment."""
        one = checkout("one")
        before = packed(one)
        write(one / "README.md", "Explained better.\n")
        assert packed(one) == before
        commit(one, "something else")
        assert packed(one) == before
        write(one / "webapp" / "app" / "main.py", "print('hello, world')\n")
        commit(one, "the application again")
        assert packed(one)[1] == f"{git(one, 'rev-parse', 'HEAD')}\n"

    @pytest.mark.parametrize("path", ["app/main.py", "app/added.py"])
    def test_what_is_not_as_it_was_committed_names_no_commit(self, checkout, packed, path):
        """Nor does it when somebody told git not to mention new files."""
        one = checkout("one")
        git(one, "config", "status.showUntrackedFiles", "no")
        write(one / "webapp" / path, "print('a trial')\n")
        assert packed(one)[1] is None

    def test_a_history_cut_short_names_no_commit(self, checkout, packed):
        """Its oldest commit seems to have made everything."""
        assert packed(checkout("shallow", "--depth=1"))[1] is None

    def test_without_git_there_is_no_commit(self, checkout, packed):
        one = checkout("one")
        shutil.rmtree(one / ".git")
        assert packed(one)[1] is None


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def git(folder, *command):
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder, why):
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "--message", why)


def test_packing_leaves_one_file_that_others_may_read(app, tmp_path):
    """Also when it is packed again beside it."""
    first, again = (build(app("one"), tmp_path / "bundles") for _ in range(2))
    assert list((tmp_path / "bundles").iterdir()) == [first.path] == [again.path]
    assert first.path.stat().st_mode & 0o777 == 0o644
    assert (first.size, hashlib.sha256(first.path.read_bytes()).hexdigest()) == (
        first.path.stat().st_size, first.sha256,
    )  # fmt: skip


def test_a_folder_without_appspec_is_no_application(tmp_path):
    with pytest.raises(BundleError, match=r"no appspec\.yml"):
        build(tmp_path, tmp_path)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The bundle of `webapp/`, and what it unpacks to on an instance."""
    folder = tmp_path_factory.mktemp("sample")
    bundle = build(WEBAPP, folder)
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(folder / "opt")
    return bundle, folder / "opt"


def test_the_sample_application_is_the_same_bundle_twice(sample, tmp_path):
    """Also from a fresh checkout in another place, whose files are of another day and mode."""
    checkout = shutil.copytree(WEBAPP, tmp_path / "elsewhere" / "webapp")
    for path in checkout.rglob("*"):
        os.utime(path, (86400, 86400))
        if path.is_file():
            path.chmod(0o600)
    again = build(checkout, tmp_path)
    assert again.sha256 == sample[0].sha256
    assert again.path.read_bytes() == sample[0].path.read_bytes()


def test_the_sample_application_holds_all_its_files_and_hooks(sample):
    """Its modules, pages, migrations, certificates and hooks; but nothing that only a developer needs."""
    _, unpacked = sample
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    hooks = yaml.safe_load((unpacked / "appspec.yml").read_text(encoding="utf-8"))["hooks"]
    assert {hook["location"] for steps in hooks.values() for hook in steps} <= there
    assert {
        "appspec.yml", "hooks/common.sh", "hooks/webapp.service", "gunicorn.conf.py", "requirements.txt", "REVISION",
        "certs/rds-roots.pem", "migrations/env.py", "shiftlog/wsgi.py", "shiftlog/prepare.py",
    } <= there  # fmt: skip
    assert [name for name in there if name.startswith("migrations/versions/0001")]
    application = {
        path.relative_to(WEBAPP).as_posix()
        for folder in ("shiftlog", "migrations", "hooks", "certs")
        for path in (WEBAPP / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert application <= there
    assert not [name for name in there if name.startswith(("tests/", ".")) or name in ("lock.py", "requirements.in")]


@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
def test_an_instance_needs_no_package_index(sample, tmp_path, machine):
    """AL2023 with Python 3.11, on either architecture: pip finds every locked wheel in the bundle, by its hash.

    https://docs.aws.amazon.com/linux/al2023/ug/python.html
    """
    _, unpacked = sample
    platforms = [f"--platform={tag}_{machine}" for tag in ("manylinux2014", "manylinux_2_28", "manylinux_2_34")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--dry-run", "--quiet",
         "--no-index", "--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.11",
         *platforms, "--target", str(tmp_path), "--report", str(tmp_path / "report.json"),
         "--find-links", str(unpacked / "wheels"), "--requirement", str(unpacked / "requirements.txt")],
        capture_output=True, text=True, check=False, env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {one["metadata"]["name"].lower() for one in json.loads((tmp_path / "report.json").read_text())["install"]}
    assert {"flask", "gunicorn", "sqlalchemy", "alembic", "pymysql", "redis", "boto3", "markupsafe"} <= found


def test_the_sample_application_holds_the_locked_wheels_and_no_others(sample):
    locked = (WEBAPP / "requirements.txt").read_text(encoding="utf-8").count("--hash=sha256:")
    assert len(list((sample[1] / "wheels").iterdir())) == locked
