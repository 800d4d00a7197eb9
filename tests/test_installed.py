"""`pip install .` alone, as for production: in an environment that holds no more than what runbook-lib requires."""

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[1]


def required(name, extras=(), known=None):
    """A distribution with all that it requires on this machine, by name."""
    known = {} if known is None else known
    known.setdefault(name, distribution(name))
    for text in known[name].requires or []:
        each = Requirement(text)
        wanted = each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
        if wanted and each.name.lower() not in {other.lower() for other in known}:
            required(each.name, tuple(each.extras), known)
    return known


@pytest.fixture(scope="module")
def dependencies():
    return {name: found for name, found in required("runbook-lib").items() if name != "runbook-lib"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory, dependencies):
    """A virtual environment with the library's dependencies, and the library itself built and installed as a wheel."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for each in (*dependencies.values(), distribution("setuptools")):
        for top in {file.parts[0] for file in each.files} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(each.locate_file(top)))
    (folder / "venv" / "share").symlink_to(Path(sys.prefix) / "share")
    source = folder / "source"
    shutil.copytree(REPOSITORY / "runbook_lib", source / "runbook_lib")
    shutil.copy(REPOSITORY / "pyproject.toml", source)
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", *how, source], check=True)
    return folder


@pytest.fixture
def runbook(environment, tmp_path, monkeypatch):
    """Runs the command somewhere, as somebody without credentials for AWS."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "RUNBOOK_", "PYTHON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def run(*arguments, cwd):
        command = [environment / "venv" / "bin" / "runbook", *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.fixture
def checkout(tmp_path):
    """A checkout that the library is not in."""
    for part in ("notebooks", "params"):
        shutil.copytree(REPOSITORY / part, tmp_path / "checkout" / part)
    return tmp_path / "checkout"


def test_it_brings_no_emulator(dependencies):
    """Papermill requires aiohttp with one version of Python, for a bug there: that is its own affair."""
    names = {name.lower() for name in dependencies}
    assert {"boto3", "papermill"} <= names
    papermills = {name.lower() for name in required("papermill")}
    assert names & {"moto", "cloudpickle", "aiohttp", "werkzeug", "embedded-aws"} <= papermills & {"aiohttp"}


def test_a_real_environment_is_planned_up_to_the_question_for_credentials(runbook, checkout):
    """From a folder inside the checkout, too."""
    done = runbook("plan", "--env", "dev", "--only", "01", cwd=checkout / "params")
    assert done.returncode == 1
    assert re.match(r"NoAccess: .*Unable to locate credentials", done.stderr)
    assert "Traceback" not in done.stderr + done.stdout


def test_a_rehearsal_says_what_to_install(runbook, checkout):
    done = runbook("plan", "--env", "local", cwd=checkout)
    assert done.returncode == 1
    assert "the endpoint 'embedded', and no installed package offers it" in done.stderr
    assert "`pip install ./embedded-aws`" in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_a_checkout_it_says_that_it_needs_one(runbook, tmp_path, checkout, monkeypatch):
    done = runbook("plan", "--env", "local", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not a checkout of the runbook: there is no notebooks/01_network.ipynb in it" in done.stderr
    monkeypatch.setenv("RUNBOOK_ROOT", str(checkout))
    assert "`pip install ./embedded-aws`" in runbook("plan", "--env", "local", cwd=tmp_path).stderr
