"""The programs beside Python: installed where nobody has to be asked; else what needs them is skipped by name."""

import shutil
import subprocess
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

REPOSITORY = Path(__file__).parents[1]
TABLE = "# of this test\nno-such-server,nor-this-one  a-package  a-formula\nno-such-tool  a-tool  -\n"
INNER = """
    import pytest
    from tests.support.programs import require

    @pytest.fixture(scope="session")
    def server():
        require("no-such-server")

    @pytest.mark.needs("no-such-tool")
    def test_marked(): pass

    def test_with_a_fixture(server): pass

    def test_plain(): pass

    @pytest.mark.xfail
    def test_that_is_known_to_fail(): assert False
"""


class TestSkipping:
    @pytest.fixture
    def run(self, pytester, monkeypatch):
        """Run tests of which one is marked, one has a fixture, and a module skips itself."""
        monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
        table = pytester.path / "programs.txt"
        table.write_text(TABLE, encoding="utf-8")
        hooks = (REPOSITORY / "conftest.py").read_text(encoding="utf-8")
        pytester.makeconftest(
            f"{hooks}\nimport pathlib, tests.support.programs as p\np.TABLE = pathlib.Path({str(table)!r})"
        )
        pytester.makepyfile(INNER, test_module="import pytest\npytest.importorskip('no_such_module')")

        def run(ci):
            monkeypatch.setenv("CI", ci)
            return pytester.runpytest_subprocess("-rs", "--continue-on-collection-errors")

        return run

    def test_what_needs_a_missing_program_is_skipped_with_its_name_and_where_to_get_it(self, run):
        done = run("")
        done.assert_outcomes(passed=1, skipped=3, xfailed=1)
        get = "is not installed: run tests/install_programs.sh, or install"
        done.stdout.fnmatch_lines([f"*no-such-server or nor-this-one {get} a-package (Debian) or a-formula (Homebrew)"])
        done.stdout.fnmatch_lines([f"*no-such-tool {get} a-tool (Debian)"])

    def test_with_ci_a_skip_is_a_failure(self, run):
        """Whatever skips: a mark, a fixture or a whole module. What is known to fail is no skip."""
        done = run("true")
        done.assert_outcomes(passed=1, errors=3, xfailed=1)
        told = done.stdout.str()
        for missing in ("no-such-tool is not", "no-such-server or nor-this-one is not", "could not import"):
            assert f"a skip is a failure with CI=true: {missing}" in told


class TestInstalling:
    """The script with a table of its own, where apt-get, sudo and the rest only write down what they are asked."""

    @pytest.fixture
    def install(self, tmp_path):
        bin = tmp_path / "bin"
        bin.mkdir()
        (tmp_path / "tests").mkdir()
        shutil.copy(REPOSITORY / "tests" / "install_programs.sh", tmp_path / "tests")
        (tmp_path / "tests" / "programs.txt").write_text(TABLE, encoding="utf-8")
        for tool in ("sh", "env", "dirname", "grep", "cut", "sort", "tr", "chmod", "touch", "true"):
            (bin / tool).symlink_to(shutil.which(tool))

        def install(python="python3", **programs):
            for name, body in {"id": "echo 1000", **programs}.items():
                path = bin / name.replace("_", "-")
                path.unlink(missing_ok=True)
                path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> {tmp_path}/asked\n{body}\n', encoding="utf-8")
                path.chmod(0o755)
            done = subprocess.run(
                [str(tmp_path / "tests" / "install_programs.sh")],
                env={"PATH": str(bin), "PYTHON": python}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            asked = (tmp_path / "asked").read_text(encoding="utf-8") if (tmp_path / "asked").exists() else ""
            assert (done.returncode, done.stderr) == (0, "")
            return done.stdout, [line for line in asked.splitlines() if not line.startswith("id")]

        install.root, install.bin = tmp_path, bin
        return install

    @pytest.fixture
    def apt(self, install):
        """An apt-get that knows all packages but one, and installs."""
        create = f"for f in no-such-server no-such-tool; do touch {install.bin}/$f; chmod +x {install.bin}/$f; done"
        return {
            "apt_get": f'case "$*" in *a-package*) {create};; esac',
            "apt_cache": "true",
            "sudo": 'test "$1" = -n && shift && exec "$@"',
        }

    def test_where_nothing_is_missing_it_does_nothing(self, install, apt):
        for program in ("nor-this-one", "no-such-tool"):
            (install.bin / program).symlink_to(shutil.which("true"))
        assert install(**apt) == ("", [])

    def test_with_a_sudo_that_does_not_ask_it_installs(self, install, apt):
        told, asked = install(**apt)
        assert "apt-get install -qqy --no-install-recommends a-package a-tool" in asked
        assert "Missing for the tests: no-such-server/nor-this-one no-such-tool" in told
        assert "Still missing" not in told

    def test_a_package_that_there_is_not_keeps_back_no_other(self, install, apt):
        """Ubuntu has no chromium."""
        _, asked = install(**{**apt, "apt_cache": 'test "$2" != a-tool'})
        assert "apt-get install -qqy --no-install-recommends a-package" in asked

    def test_a_python_without_venv_gets_it(self, install, apt):
        _, asked = install(python="", **apt)
        assert "apt-get install -qqy --no-install-recommends a-package a-tool python3-venv" in asked

    def test_a_sudo_that_wants_a_password_is_not_used(self, install, apt):
        """What is missing is told, with the way to get it, and the tests go on without."""
        told, asked = install(**{**apt, "sudo": "exit 1"})
        assert [line for line in asked if line.startswith("apt")] == []
        assert told.splitlines()[1] == "Still missing: no-such-server/nor-this-one no-such-tool "
        assert "sudo apt-get install --no-install-recommends a-package a-tool" in told
        assert "brew install a-formula" in told

    def test_on_macos_it_is_homebrew(self, install):
        _, asked = install(brew="true")
        assert asked == ["brew install --quiet a-formula"]

    def test_a_browser_that_no_package_has_is_fetched_by_playwright(self, install, apt):
        """And found beside the tests' Python, as one that was installed."""
        (install.root / "tests" / "programs.txt").write_text("chromium,chrome  no-package  -\n", encoding="utf-8")
        beside = install.root / ".venv" / "bin"
        beside.mkdir(parents=True)
        for name, body in {
            "playwright": "echo playwright $* >> asked",
            "python": "echo /bin/echo",
        }.items():
            (beside / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
            (beside / name).chmod(0o755)
        told, asked = install(**{**apt, "apt_cache": "exit 1"})
        assert asked[-1] == "playwright install --with-deps chromium"
        assert "Still missing" not in told
        opened = subprocess.run([beside / "chromium", "--headless"], capture_output=True, text=True, check=True)
        assert opened.stdout == "--headless\n"
