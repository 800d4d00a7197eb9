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

from runbook_lib.cli.project_files import find_in_checkout

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
    source, pip = folder / "source", [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    shutil.copytree(REPOSITORY / "runbook_lib", source / "runbook_lib")
    for name in ("pyproject.toml", "setup.py", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    for path in find_in_checkout(REPOSITORY).values():
        target = source / path.relative_to(REPOSITORY)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    how = ["--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *how, "--no-build-isolation", "--wheel-dir", folder / "dist", source], check=True)
    (wheel,) = (folder / "dist").iterdir()
    subprocess.run([*pip, "--python", python, "install", *how, wheel], check=True)
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


@pytest.mark.exhaustive
def test_a_rehearsal_says_what_to_install(runbook, checkout):
    done = runbook("plan", "--env", "local", cwd=checkout)
    assert done.returncode == 1
    assert "the endpoint 'embedded', and no installed package offers it" in done.stderr
    assert "`pip install ./embedded-aws`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.exhaustive
def test_outside_of_a_checkout_it_says_that_it_needs_one(runbook, tmp_path, checkout, monkeypatch):
    done = runbook("plan", "--env", "local", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not a checkout of the runbook: there is no notebooks/01_network.ipynb in it" in done.stderr
    monkeypatch.setenv("RUNBOOK_ROOT", str(checkout))
    assert "`pip install ./embedded-aws`" in runbook("plan", "--env", "local", cwd=tmp_path).stderr


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestProject:
    """`runbook init DIR`: what somebody needs who has the wheel and no checkout."""

    @pytest.fixture
    def project(self, runbook, tmp_path):
        done = runbook("init", "our project", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "cd 'our project'" in done.stdout
        return tmp_path / "our project"

    def test_it_is_the_checkout_s_own_files(self, project, environment):
        """The wheel has each once, with the bytes of the checkout."""
        of_checkout = find_in_checkout(REPOSITORY)
        wheel = f"requirements/wheels/{next((environment / 'dist').iterdir()).name}"
        assert files_in(project) - set(of_checkout) == {"requirements/runbook.txt", wheel}
        assert {
            name for name, path in of_checkout.items() if (project / name).read_bytes() != path.read_bytes()
        } == set()
        notebooks = {f"notebooks/{path.name}" for path in (REPOSITORY / "notebooks").glob("*.ipynb")}
        wanted = notebooks | {"params/dev.yaml", "params/schema.json", "webapp/Procfile", ".github/workflows/apply.yml"}
        assert wanted <= set(of_checkout)
        assert len(notebooks) == 4

    def test_its_commands_work(self, runbook, project):
        """Up to the question for credentials; the application is packed without an account."""
        done = runbook("plan", "--env", "dev", cwd=project)
        assert re.match(r"NoAccess: .*Unable to locate credentials", done.stderr)
        assert runbook("app", "check", "--env", "dev", cwd=project).returncode == 0
        packed = runbook("bundle", cwd=project / "docs")
        assert (packed.returncode, packed.stderr) == (0, "")
        assert list((project / ".runbook" / "bundles").glob("*.zip"))

    def test_what_ran_is_compared_with_the_notebook_of_the_package(self, project, environment):
        """Without git, somebody who has changed the project's notebook has changed what it would be compared with."""
        notebook = project / "notebooks" / "01_network.ipynb"
        notebook.write_text(notebook.read_text("utf-8").replace("book.verify(net, ", "book.verify(net) #"), "utf-8")
        script = (
            "from pathlib import Path; from runbook_lib.paths import reviewed;"
            "from runbook_lib.evidence.notebooks.comparison import compare_with_source;"
            "print(reviewed()); print(compare_with_source(Path('notebooks/01_network.ipynb'), reviewed(), ''))"
        )
        python = environment / "venv" / "bin" / "python"
        for differs in (True, False):
            if not differs:
                shutil.copy(REPOSITORY / "notebooks" / notebook.name, notebook)
            done = subprocess.run([python, "-c", script], cwd=project, capture_output=True, text=True, check=True)
            where, found = done.stdout.splitlines()
            assert where.endswith("site-packages/runbook_lib/project")
            assert ("differs from the one that is installed" in found) is differs, found

    def test_its_workflows_call_what_it_has(self, project):
        """None of a workflow, a script or a goal of make that only the runbook's own repository has."""
        workflows = {path.name: path.read_text("utf-8") for path in (project / ".github" / "workflows").iterdir()}
        for text in workflows.values():
            assert {name for name in re.findall(r"uses: \./\.github/workflows/(\S+)", text)} <= set(workflows)
            assert all((project / name).is_file() for name in re.findall(r"\.github/scripts/\w+\.py", text))
            for goal in re.findall(r"run: make (\S+)", text):
                subprocess.run(["make", "-n", goal], cwd=project, check=True, capture_output=True)

    def test_make_setup_installs_the_version_that_wrote_it(self, project, environment):
        """From its wheel, which was on this machine only."""
        lines = (project / "requirements" / "runbook.txt").read_text("utf-8").splitlines()
        assert lines[1:] == ["--find-links wheels", f"runbook-lib=={distribution('runbook-lib').version}"]
        done = subprocess.run(["make", "-n", "setup"], cwd=project, check=True, capture_output=True, text=True)
        (command,) = [line for line in done.stdout.splitlines() if "runbook.txt" in line and "pip" in line]
        how = ["--no-index", "--target", project / "installed"]
        words = command.split()[1:]
        pip = [sys.executable, "-m", "pip", *words, *how]
        subprocess.run(pip, cwd=project, check=True, capture_output=True)
        assert (project / "installed" / "runbook_lib" / "project" / "notebooks").is_dir()

    def test_nothing_is_overwritten(self, runbook, project):
        before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
        done = runbook("init", ".", cwd=project)
        assert done.returncode == 2
        assert "already, and nothing is overwritten" in done.stderr
        assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before

    def test_a_folder_that_cannot_be_written_is_named(self, runbook, tmp_path):
        (tmp_path / "file").touch()
        done = runbook("init", "file/below", cwd=tmp_path)
        assert done.returncode == 2
        assert "file/below cannot be written" in done.stderr
        assert "Traceback" not in done.stderr

    def test_outside_of_a_project_the_command_is_named(self, runbook, tmp_path):
        assert "`runbook init FOLDER` writes" in runbook("plan", "--env", "dev", cwd=tmp_path).stderr


def test_python_runs_the_package_as_the_command(runbook, environment, tmp_path):
    """Where the script is not on the PATH."""
    python = environment / "venv" / "bin" / "python"
    done = subprocess.run([python, "-m", "runbook_lib", "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == runbook("--version", cwd=tmp_path).stdout == f"runbook, version {installed_version()}\n"


def installed_version():
    return distribution("runbook-lib").version
