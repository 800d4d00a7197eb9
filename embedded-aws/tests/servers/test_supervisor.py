"""A supervisor brings a private server to its desired state, and keeps it there."""

import pytest

from embedded_aws.servers import supervisor
from embedded_aws.testing import eventually
from servers.fake import ANSWERS


class ScriptSupervisor(supervisor.Supervisor):
    """The desired state is the script to run."""

    def _reconcile(self, desired, applied):
        self._server.end()
        self._server.run(desired)


@pytest.fixture
def supervised(server):
    created = ScriptSupervisor(server)
    yield created
    created.stop()
    created.join()


def test_a_temporary_failure_is_retried(server, supervised, monkeypatch):
    """Meanwhile it says what is wrong."""
    supervised.set_desired_state("import os; os.path.exists('room') or exit('no room'); " + ANSWERS)
    eventually(lambda: supervised.state() == "failed")
    assert "no room" in supervised.reason
    monkeypatch.setattr(supervisor, "RETRY_SECONDS", 0)
    (server.folder / "data" / "room").touch()
    eventually(lambda: supervised.state() == "available")
    assert (supervised.reason, supervised.port) == ("", server.ports[-1])


def test_removal_leaves_nothing(server, supervised):
    """Neither a process nor a file."""
    supervised.set_desired_state(ANSWERS)
    eventually(lambda: supervised.state() == "available")
    supervised.remove()
    supervised.join()
    assert supervised.has_ended
    assert not server.running
    assert not server.folder.exists()
