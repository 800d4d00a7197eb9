"""The same application is the same bundle, byte for byte, wherever it is packed."""

import hashlib
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest
import yaml

from runbook_lib.runs import start
from runbook_lib.stacks.application.bundle import require_replaceable, unpack
from runbook_lib.stacks.application.contents import read_contents as read_with_the_default
from runbook_lib.stacks.application.findings import BundleError

from .conftest import FILES, SERVER, write

ADDED = {"appspec.yml", *(f".runbook/{name}" for name in SERVER if name != "appspec.yml")}
OWN = {
    "appspec.yml": "version: 0.0\nos: linux\nfiles: [{source: /, destination: /opt/webapp}]\n",
    "app/main.py": "print('hello')\n",
}


def names_of(bundle):
    with zipfile.ZipFile(bundle.path) as archive:
        return set(archive.namelist())


def modes_of(bundle):
    with zipfile.ZipFile(bundle.path) as archive:
        return {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}


def test_the_same_content_is_the_same_bundle(app, build, tmp_path):
    """Neither the order in which files were made, nor their times, nor the folder's name count."""
    one, two = app("one"), app("two", dict(reversed(FILES.items())))
    os.utime(two / "Procfile", (0, 0))
    (two / "app" / "main.py").chmod(0o600)
    first, second = build(one, tmp_path / "a"), build(two, tmp_path / "b")
    assert first.sha256 == second.sha256
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.path.name == f"{first.sha256}.zip"


@pytest.mark.parametrize("path", FILES)
def test_another_content_is_another_bundle(app, build, tmp_path, path):
    one, two = build(app("one"), tmp_path), build(app("two", FILES | {path: FILES[path] + "# changed\n"}), tmp_path)
    assert one.sha256 != two.sha256
    assert one.revision != two.revision


def test_what_only_a_developer_has_does_not_travel(app, build, tmp_path):
    noise = {"__pycache__/x.pyc": "x", "venv/bin/python": "x", ".env": "SECRET=1", ".npmrc": "x", "app/x.swp": "x"}
    assert build(app("one"), tmp_path).sha256 == build(app("two", FILES | noise), tmp_path).sha256


def test_what_is_packed_and_what_is_left_out_is_told(app, build, tmp_path):
    more = {
        ".env": "SECRET=1",
        "app/__pycache__/x.pyc": "x",
        "docs/a": "x",
        ".bundleignore": "docs\n",
        "tests/a.py": "x",
    }
    bundle = build(app("one", FILES | more), tmp_path)
    assert set(bundle.packed) == {*FILES, "tests/a.py"}
    assert [(each.name, each.why) for each in bundle.left_out] == [
        (".bundleignore", "default: /.bundleignore"),
        (".env", "default: .env"),
        ("app/__pycache__/", "default: __pycache__/"),
        ("docs/", ".bundleignore:1: docs"),
    ]
    assert "4 files, 0 wheels" in repr(bundle)
    assert repr(bundle).endswith("; left out: 1 by .bundleignore, 3 by default")


class TestWhatIsAdded:
    """To an application with a Procfile, and to one with an AppSpec file of its own."""

    def test_a_procfile_is_enough(self, app, build, tmp_path):
        bundle = build(app(), tmp_path)
        assert {name for name in names_of(bundle) if "pymysql" not in name} == {*FILES, *ADDED, "REVISION"}
        with zipfile.ZipFile(bundle.path) as archive:
            assert archive.read("appspec.yml").decode() == SERVER["appspec.yml"]

    def test_hooks_can_be_executed_and_units_cannot(self, app, build, tmp_path):
        modes = modes_of(build(app(), tmp_path))
        assert modes[".runbook/hooks/prepare.sh"] == modes[".runbook/run"] == modes["bin/tool"] == 0o100755
        assert modes[".runbook/webapp@.service"] == modes["Procfile"] == modes["appspec.yml"] == 0o100644

    def test_the_driver_of_the_database_is_among_the_tools(self, app, build, tmp_path):
        """In pure Python, so that it runs with whatever Python the server has."""
        names = {name for name in names_of(build(app(), tmp_path)) if name.startswith(".runbook/lib/pymysql/")}
        assert {".runbook/lib/pymysql/__init__.py", ".runbook/lib/pymysql/constants/CR.py"} <= names
        assert all(name.endswith(".py") for name in names)

    @pytest.mark.parametrize("name", ["appspec.yml", "appspec.yaml"])
    def test_an_own_appspec_file_gets_the_runbooks_steps(self, app, build, tmp_path, name):
        hook = "hooks: {AfterInstall: [{location: bin/tool, timeout: 60}]}\n"
        bundle = build(app("one", {name: OWN["appspec.yml"] + hook, "bin/tool": "#!/bin/sh\n"}), tmp_path)
        with zipfile.ZipFile(bundle.path) as archive:
            spec = yaml.safe_load(archive.read("appspec.yml"))
        assert "appspec.yaml" not in names_of(bundle)
        assert spec["files"][-1] == {"source": ".runbook", "destination": "/opt/runbook"}
        assert spec["hooks"] == {
            "AfterInstall": [
                {"location": ".runbook/hooks/prepare.sh", "timeout": 300},
                {"location": "bin/tool", "timeout": 60},
            ],
            "ValidateService": [{"location": ".runbook/hooks/validate.sh", "timeout": 300}],
        }

    def test_a_folder_without_either_is_told_to_write_one_line(self, build, tmp_path):
        with pytest.raises(
            BundleError, match=r"neither a Procfile nor an appspec\.yml[\s\S]*one line into Procfile: web: "
        ):
            build(write(tmp_path / "one", {"main.py": "x"}), tmp_path)

    def test_json_is_read_under_the_name_that_codedeploy_reads(self, build, tmp_path):
        with pytest.raises(BundleError, match=r"appspec\.json is for Lambda and ECS[\s\S]*Rename it to appspec\.yml"):
            build(write(tmp_path / "one", {"appspec.json": "{}"}), tmp_path)

    def test_a_change_of_the_runbooks_hooks_is_another_revision(self, app, build, tmp_path, server):
        before = build(app(), tmp_path)
        (server / "hooks" / "validate.sh").write_text("#!/bin/sh\nexit 0\n")
        assert build(app(), tmp_path).revision != before.revision

    def test_no_file_of_the_application_stands_in_for_one_of_the_bundle(self, app, build, tmp_path):
        own = {"REVISION": "mine", ".runbook/hooks/prepare.sh": "mine", "wheels/a.whl": "mine"}
        assert build(app("one", FILES | own), tmp_path).sha256 == build(app("two"), tmp_path).sha256


def test_all_problems_are_told_together(app, build, tmp_path):
    one = app("one", {"Procfile": "web\n", "requirements.txt": "flask\n", "a": "x"})
    (one / "b").symlink_to("nowhere")
    with pytest.raises(BundleError) as raised:
        build(one, tmp_path)
    assert [each.place for each in raised.value.findings] == ["b", "Procfile:1", "requirements.txt:1"]
    assert "has 3 problems:\n  b: is a link to nothing" in str(raised.value)


class TestLinks:
    """A link is packed as what it points to, if that is in the folder; nothing from outside travels."""

    @pytest.fixture
    def outside(self, tmp_path):
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "key").write_text("secret")
        return tmp_path / "secrets"

    def test_links_within_the_folder_are_packed_as_what_they_point_to(self, app, build, tmp_path):
        one = app("one")
        (one / "main.py").symlink_to("app/main.py")
        (one / "also").symlink_to("app")
        with zipfile.ZipFile(build(one, tmp_path).path) as archive:
            assert {archive.read(name) for name in ("main.py", "also/main.py")} == {FILES["app/main.py"].encode()}

    @pytest.mark.parametrize("target", ["key", "."], ids=["file", "folder"])
    def test_a_link_that_leaves_the_folder_is_refused(self, app, build, tmp_path, outside, target):
        one = app("one")
        (one / "app" / "data").symlink_to(outside / target)
        with pytest.raises(BundleError, match=r"app/data: is a link to .*secrets.*outside the folder"):
            build(one, tmp_path)
        (one / ".bundleignore").write_text("/app/data\n")
        assert "app/data" in {each.name for each in build(one, tmp_path).left_out}

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("nowhere", "link to nothing: nowhere"),
            ("data", "link to nothing: data"),
            ("../app", "link to a folder around it"),
        ],
    )
    def test_a_link_that_leads_nowhere_is_refused(self, app, build, tmp_path, target, words):
        one = app("one")
        (one / "app" / "data").symlink_to(target)
        with pytest.raises(BundleError, match=f"app/data: is a {words}"):
            build(one, tmp_path)


def test_modes_are_kept(app, build, tmp_path):
    """Of any file, not only of hooks."""
    one = app("one", FILES | {"app/start": "not a script"})
    before = build(one, tmp_path)
    (one / "app" / "start").chmod(0o755)
    bundle = build(one, tmp_path)
    assert modes_of(before)["app/start"] == 0o100644
    assert modes_of(bundle)["app/start"] == 0o100755
    assert bundle.sha256 != before.sha256


@pytest.mark.parametrize("name", [b"caf\xe9.py", b"two\nlines.py", b"\x1b[2J.py"])
def test_a_name_that_is_no_text_is_refused(app, build, tmp_path, name):
    one = app("one")
    (Path(os.fsdecode(os.fsencode(one) + b"/" + name))).write_text("x")
    with pytest.raises(BundleError, match="not a name of printable text in UTF-8") as raised:
        build(one, tmp_path)
    assert raised.value.what.isascii()
    assert raised.value.what.isprintable()


def test_what_is_neither_file_nor_folder_is_refused(app, build, tmp_path):
    """Reading a pipe would wait for ever."""
    one = app("one")
    os.mkfifo(one / "app" / "pipe")
    with pytest.raises(BundleError, match="app/pipe: is neither a file nor a folder"):
        build(one, tmp_path)


class TestLineEnds:
    """Linux cannot run a script with Windows line ends: CodeDeploy would say that the file does not exist."""

    def test_a_script_with_windows_line_ends_is_refused_by_name(self, app, build, tmp_path):
        with pytest.raises(BundleError, match="bin/tool: has Windows line ends"):
            build(app("one", FILES | {"bin/tool": "#!/bin/sh\r\nexit 0\r\n"}), tmp_path)

    def test_data_may_have_any_line_ends(self, app, build, tmp_path):
        assert "app/table.csv" in build(app("one", FILES | {"app/table.csv": "a,b\r\n"}), tmp_path).packed


def test_the_revision_is_inside_and_all_times_are_the_same(app, build, tmp_path):
    bundle = build(app("one"), tmp_path)
    with zipfile.ZipFile(bundle.path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.create_system for entry in archive.infolist()} == {3}  # Unix, or unzip ignores the modes
        assert archive.read("REVISION").decode().strip() == bundle.revision


def test_a_commit_is_another_zip_of_the_same_revision(app, build, tmp_path):
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
        write(origin / "webapp", OWN)
        write(origin, {"README.md": "An application.\n"})
        git(origin, "init", "--quiet")
        commit(origin, "the application")
        write(origin, {"README.md": "An application, explained.\n"})
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
        write(one, {"README.md": "Explained better.\n"})
        assert packed(one) == before
        commit(one, "something else")
        assert packed(one) == before
        write(one / "webapp", {"app/main.py": "print('hello, world')\n"})
        commit(one, "the application again")
        assert packed(one)[1] == f"{git(one, 'rev-parse', 'HEAD')}\n"

    @pytest.mark.parametrize("path", ["app/main.py", "app/added.py"])
    def test_what_is_not_as_it_was_committed_names_no_commit(self, checkout, packed, path):
        """Nor does it when somebody told git not to mention new files."""
        one = checkout("one")
        git(one, "config", "status.showUntrackedFiles", "no")
        write(one / "webapp", {path: "print('a trial')\n"})
        assert packed(one)[1] is None

    def test_a_history_cut_short_names_no_commit(self, checkout, packed):
        """Its oldest commit seems to have made everything."""
        assert packed(checkout("shallow", "--depth=1"))[1] is None

    def test_without_git_there_is_no_commit(self, checkout, packed):
        one = checkout("one")
        shutil.rmtree(one / ".git")
        assert packed(one)[1] is None


def git(folder, *command):
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder, why):
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "--message", why)


def test_packing_leaves_one_file_that_others_may_read(app, build, tmp_path):
    """Also when it is packed again beside it."""
    first, again = (build(app("one"), tmp_path / "bundles") for _ in range(2))
    assert list((tmp_path / "bundles").iterdir()) == [first.path] == [again.path]
    assert first.path.stat().st_mode & 0o777 == 0o644
    assert (first.size, hashlib.sha256(first.path.read_bytes()).hexdigest()) == (
        first.path.stat().st_size, first.sha256,
    )  # fmt: skip


class TestUnpackedForADeploymentBranch:
    """`runbook bundle --into`: GitHub as CodeDeploy's own source."""

    @pytest.fixture
    def branch(self, tmp_path):
        write(tmp_path / "branch", {".git/HEAD": "ref: refs/heads/deploy\n"})
        return tmp_path / "branch"

    def test_it_is_what_the_zip_unpacks_to(self, app, build, read_contents, branch, tmp_path):
        unpack(read_contents(app()), branch, commit="abc")
        bundle = build(app(), tmp_path, commit="abc")
        files = {path.relative_to(branch).as_posix(): path for path in branch.rglob("*") if path.is_file()}
        assert files.pop(".git/HEAD")
        assert set(files) == names_of(bundle)
        assert {name: stat.S_IMODE(path.stat().st_mode) for name, path in files.items()} == {
            name: stat.S_IMODE(mode) for name, mode in modes_of(bundle).items()
        }
        with zipfile.ZipFile(bundle.path) as archive:
            assert all(archive.read(name) == path.read_bytes() for name, path in files.items())

    def test_a_former_bundle_is_replaced_whole(self, app, read_contents, branch):
        unpack(read_contents(app("one", FILES | {"old/file": "x"})), branch)
        unpack(read_contents(app("two")), branch)
        assert not (branch / "old").exists()
        assert (branch / ".git" / "HEAD").is_file()

    @pytest.mark.parametrize("name", ["notes.txt", "app/main.py"])
    def test_what_is_not_a_former_bundle_is_never_deleted(self, app, read_contents, branch, name):
        """Neither a file that somebody added, nor one that somebody changed."""
        unpack(read_contents(app()), branch)
        write(branch, {name: "mine"})
        with pytest.raises(BundleError, match="does not hold a former bundle"):
            unpack(read_contents(app()), branch)
        assert (branch / name).read_text() == "mine"

    def test_a_folder_of_somebody_elses_is_refused(self, app, read_contents, tmp_path):
        with pytest.raises(BundleError, match="is not empty"):
            unpack(read_contents(app()), write(tmp_path / "home", {"letter": "x"}))

    @pytest.mark.parametrize("target", ["nowhere", "letter"])
    def test_a_link_is_nothing_that_a_bundle_writes(self, app, read_contents, branch, target):
        """One to nothing ended in a traceback."""
        unpack(read_contents(app()), branch)
        (branch / "link").symlink_to(target)
        with pytest.raises(BundleError, match="does not hold a former bundle"):
            require_replaceable(branch)

    def test_an_application_with_a_problem_changes_nothing(self, app, read_contents, branch):
        unpack(read_contents(app()), branch)
        with pytest.raises(BundleError):
            unpack(read_contents(app("two", {"Procfile": "web"})), branch)
        assert (branch / "Procfile").is_file()


def test_the_folder_has_to_exist(tmp_path):
    found = read_with_the_default(tmp_path / "nowhere").findings
    assert [each.what for each in found] == ["There is no such folder."]
