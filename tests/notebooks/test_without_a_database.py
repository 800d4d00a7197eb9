"""A rehearsal where neither MariaDB nor MySQL is installed: a SQLite file stands in, and all that shows it says so."""

import os
import shutil
from pathlib import Path

import pytest

from embedded_aws.client import process
from embedded_aws.servers.mysql.programs import SERVERS, find_programs
from tests.notebooks.operator import REPOSITORY, Operator, Visitor

TELLING = "sqlite-stands-in-for-mysql.local-database.localhost"


@pytest.fixture
def without_a_server(tmp_path, monkeypatch):
    """What is on the path, but for database servers."""
    folder, hidden = tmp_path / "bin", {name for pair in SERVERS for name in pair}
    folder.mkdir()
    for place in reversed([Path(part) for part in os.environ["PATH"].split(os.pathsep) if Path(part).is_dir()]):
        for program in place.iterdir():
            if program.name not in hidden and os.access(program, os.X_OK):
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(folder))
    assert find_programs() is None


@pytest.fixture
def operator(tmp_path, monkeypatch, without_a_server):
    """Somebody whose embedded AWS has real machines."""
    for switch in ("RUNBOOK_LOCAL_MACHINES", "RUNBOOK_LOCAL_SAVE"):
        monkeypatch.delenv(switch)
    root = tmp_path / "root"
    root.mkdir()
    shutil.copytree(REPOSITORY / "params", root / "params")
    try:
        yield Operator.of_sample(root, tmp_path / "checkout")
    finally:
        process.stop(root)


def without_an_application(operator):
    """The first two notebooks: the database is in the second."""
    return operator.runbook("apply", "--env", "local", "--only", "01_network", "--only", "02_data")


def with_its_page(operator):
    """The whole environment; the application gets the stand-in's address."""
    done = operator.runbook("apply", "--env", "local")
    (site,) = operator.status()["sites"]
    code, page = Visitor(site).get()
    assert (code, "Database: sqlite." in page, site["standing"]) == (200, True, "")
    return done


@pytest.mark.needs("ps")
@pytest.mark.parametrize("build", [without_an_application, pytest.param(with_its_page, marks=pytest.mark.exhaustive)])
def test_a_run_says_everywhere_what_stands_in(operator, build):
    """It is built and verified without a difference; page, status, events and evidence tell it; then all of it ends."""
    built = build(operator)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Verified: no difference in 01_network, 02_data" in built.stdout

    assert "a SQLite file stands in for the database" in " ".join(operator.runbook("local", "status").stdout.split())
    events = operator.aws("rds").describe_events(SourceType="db-instance", SourceIdentifier="local-database")["Events"]
    assert len([one for one in events if "SQLite" in one["Message"]]) == 1

    evidence = operator.last("apply")
    for name in ("resources-after.csv", "02_data.html", *(["topology.svg"] if build is with_its_page else [])):
        (file,) = evidence.rglob(name)
        assert TELLING in file.read_text(encoding="utf-8"), name

    ended = operator.runbook("local", "down")
    assert (ended.returncode, ended.stdout) == (0, "The embedded AWS has ended.\n")
