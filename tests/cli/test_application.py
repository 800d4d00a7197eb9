"""The commands for the application say what is wrong with it, and what was written."""

import hashlib
import os
import re
import shutil

import pytest
from click.testing import CliRunner

from runbook_lib.cli import application
from runbook_lib.cli.main import main
from runbook_lib.paths import checkout
from runbook_lib.runs import start
from runbook_lib.runs.runbook import Runbook
from runbook_lib.stacks.application.findings import BundleError

SPEC = "version: 0.0\nos: linux\nfiles:\n- {source: /, destination: /opt/webapp}\n"
HOOKS = "hooks:\n  ApplicationStart:\n  - location: hooks/start.sh\n"


@pytest.fixture
def webapp(tmp_path, monkeypatch):
    """The application of a checkout: an AppSpec file of its own, and one hook."""
    shutil.copytree(checkout() / "params", tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    for module in (start, application):
        monkeypatch.setattr(module, "checkout", lambda: tmp_path)
    folder = tmp_path / "webapp"
    (folder / "hooks").mkdir(parents=True)
    (folder / "appspec.yml").write_text(SPEC + HOOKS)
    (folder / "hooks" / "start.sh").write_text("#!/bin/sh\n")
    (folder / "hooks" / "start.sh").chmod(0o755)
    (folder / ".env").write_text("KEY=1")
    return folder


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def test_a_bundle_is_packed_where_04_deploy_finds_it(webapp, tmp_path):
    done = run("bundle")
    digest = re.match(r"bundle ([0-9a-f]{64}), ", done.stdout)[1]
    path = tmp_path / ".runbook" / "bundles" / f"{digest}.zip"
    assert done.stdout.splitlines()[1] == str(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    packed, left_out = done.stdout.split("Packed:\n")[1].split("Left out:\n")
    assert "  hooks/start.sh\n" in packed
    assert re.search(r"  \.env +default: \.env\n", left_out)


def test_an_unpacked_bundle_is_written_into_a_folder(webapp, tmp_path):
    done = run("bundle", "--into", str(tmp_path / "branch"))
    assert done.exit_code == 0
    assert (tmp_path / "branch" / "REVISION").read_text().strip() in done.stdout
    assert os.access(tmp_path / "branch" / "hooks" / "start.sh", os.X_OK)
    assert not (tmp_path / "branch" / ".env").exists()


def test_a_check_prints_what_is_right_and_exits_with_0(webapp):
    done = run("app", "check", "--env", "local")
    assert done.exit_code == 0
    assert re.search(r"^ok appspec\.yml +the application's own$", done.stdout, re.MULTILINE)
    assert re.search(r"^ok bundle +0\.\d MB of 5\.4 GB at most$", done.stdout, re.MULTILINE)


def test_a_check_prints_each_problem_with_its_line_and_exits_with_1(webapp, tmp_path):
    """Of another folder, too."""
    shutil.copytree(webapp, tmp_path / "other")
    (tmp_path / "other" / "appspec.yml").write_text(SPEC.replace("linux", "mac") + HOOKS)
    (tmp_path / "other" / "hooks" / "start.sh").chmod(0o644)
    done = run("app", "check", "--webapp", str(tmp_path / "other"))
    assert done.exit_code == 1
    assert re.search(r"^✗ +appspec\.yml:2 +os is 'mac', .* → Write os: linux$", done.stdout, re.MULTILINE)
    assert re.search(r"^✗ +hooks/start\.sh .*not executable.* → chmod \+x hooks/start\.sh", done.stdout, re.MULTILINE)
    assert "2 problems" in done.stderr


def test_a_folder_of_somebody_elses_is_refused_before_anything_is_packed(webapp, tmp_path, monkeypatch):
    """Packing may take minutes: it fetches wheels."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("mine")
    monkeypatch.setattr(start, "check_webapp", lambda: pytest.fail("it was packed"))
    with pytest.raises(BundleError, match="is not empty"):
        start.unpack_webapp(tmp_path / "home")


@pytest.mark.parametrize("command", ["bundle", "bundle --into DIR"])
def test_an_application_with_a_problem_is_not_packed(webapp, tmp_path, command):
    (webapp / "hooks" / "start.sh").unlink()
    done = run(*command.replace("DIR", str(tmp_path / "branch")).split())
    assert done.exit_code == 1
    assert "BundleError: appspec.yml:7: hooks/start.sh is not in the bundle." in done.stderr
    assert not (tmp_path / ".runbook" / "bundles").exists()
    assert not (tmp_path / "branch").exists()


def test_a_problem_blocks_the_plan_of_04_deploy(webapp, tmp_path):
    """Its cell packs the application: nothing is planned or applied after it. A destroy needs no application."""
    (webapp / "appspec.yml").unlink()
    book = Runbook.__new__(Runbook)
    book._root, book.mode, book.params = (
        tmp_path,
        "plan",
        start.Params.model_construct(
            deploy=type("Deploy", (), {"source": "s3", "revision": None})(),
            compute=type("Compute", (), {"architecture": "arm64"})(),
            app=type("App", (), {"packages": ()})(),
        ),
    )
    with pytest.raises(BundleError, match=r"neither a Procfile nor an appspec\.yml[\s\S]*one line into Procfile"):
        book.bundle()
    book.mode = "destroy"
    assert book.bundle() is None


def test_nothing_to_lock_is_told(webapp):
    done = run("lock")
    assert done.exit_code == 1
    assert "has nothing to lock" in done.stderr
