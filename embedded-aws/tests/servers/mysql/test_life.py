"""Databases survive the end of the emulator; where no server is installed, a file stands in."""

from pathlib import Path

import psutil
import pytest

from embedded_aws.testing import eventually
from servers.mysql.simulation import PATIENCE, Simulation


@pytest.mark.exhaustive
def test_a_killed_emulator_leaves_no_second_server(own):
    """The next one ends the servers that it finds, also of databases that are not in its account."""
    own.create()
    own.run("CREATE TABLE mine (id int)")
    own.kill()
    (left,) = own.servers()
    own.start()
    own.available()
    assert own.run("SHOW TABLES") == (("mine",),)
    (now,) = own.servers()
    assert now.pid != left.pid
    own.kill()
    (own.root / ".runbook" / "local" / "state.pickle").unlink()
    own.start()
    eventually(lambda: not own.servers() and not own.files(), PATIENCE)


@pytest.mark.exhaustive
def test_the_data_of_an_account_that_is_set_aside_is_kept(own):
    own.create()
    own.stop()
    (own.root / ".runbook" / "local" / "state.pickle").write_bytes(b"{}\n")
    own.start()
    assert not own.files()
    (schema,) = (own.folder / "aside").glob("*/instances/*/data/web")
    assert schema.is_dir()


def test_without_a_server_a_file_stands_in(tmp_path):
    """The application gets the file; the endpoint, an event and the status say so."""
    simulation = Simulation(tmp_path, path="")
    try:
        simulation.start()
        found = simulation.create()
        address, port = found["Endpoint"]["Address"], found["Endpoint"]["Port"]
        assert (address, port) == ("sqlite-stands-in-for-mysql.app.localhost", 3306)
        events = simulation.rds.describe_events(SourceType="db-instance", SourceIdentifier="app")["Events"]
        assert [one["Message"] for one in events if "SQLite" in one["Message"]] == [
            "No MariaDB or MySQL is installed on this machine: a SQLite file stands in for the database."
        ]
        told = simulation.report()
        (status,) = told["status"]
        assert "SQLite" in status["what"]
        url = told["environment"]["DATABASE_URL"]
        file = Path(url.removeprefix("sqlite:///"))
        file.touch()
        simulation.rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
        eventually(lambda: not file.exists())
        assert not [one for one in psutil.Process(simulation.process.pid).children() if "db" in one.name()]
    finally:
        simulation.stop()
