"""The sample application is packed whole, the same wherever it is packed, with every wheel that a server needs."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from runbook_lib.stacks.application.bundle import build

from .world import WEBAPP


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The bundle of `webapp/`, and what it unpacks to on an instance."""
    folder = tmp_path_factory.mktemp("sample")
    bundle = build(WEBAPP, folder)
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(folder / "opt")
    return bundle, folder / "opt"


def test_the_sample_application_is_the_same_bundle_twice(sample, tmp_path):
    """Also from a fresh checkout in another place, whose files are of another day, and for their owner only."""
    checkout = shutil.copytree(WEBAPP, tmp_path / "elsewhere" / "webapp")
    for path in checkout.rglob("*"):
        os.utime(path, (86400, 86400))
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o700)
    again = build(checkout, tmp_path)
    assert again.sha256 == sample[0].sha256
    assert again.path.read_bytes() == sample[0].path.read_bytes()


def test_the_sample_application_holds_all_its_files_and_the_runbooks_hooks(sample):
    """Its modules, pages and migrations; but nothing that only a developer needs."""
    _, unpacked = sample
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    hooks = yaml.safe_load((unpacked / "appspec.yml").read_text(encoding="utf-8"))["hooks"]
    assert {hook["location"] for steps in hooks.values() for hook in steps} <= there
    assert {
        "appspec.yml", "Procfile", "gunicorn.conf.py", "requirements.txt", "REVISION", "migrations/env.py",
        "shiftlog/wsgi.py",
    } <= there  # fmt: skip
    assert [name for name in there if name.startswith("migrations/versions/0001")]
    application = {
        path.relative_to(WEBAPP).as_posix()
        for folder in ("shiftlog", "migrations")
        for path in (WEBAPP / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert application <= there
    assert not [name for name in there if name.startswith("shiftlog_tests/") or name == "requirements.in"]


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
