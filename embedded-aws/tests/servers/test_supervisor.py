"""A private server is brought to what is wanted, and kept there."""

import pytest

from embedded_aws.servers import supervisor
from embedded_aws.testing import eventually
from servers.fake import ANSWERS


class Supervisor(supervisor.Supervisor):
    """What is wanted is the script."""

    def _reconcile(self, wanted, before):
        self._server.end()
        self._server.run(wanted)


@pytest.fixture
def kept(server):
    made = Supervisor(server)
    yield made
    made.stop()
    made.join()


def test_a_failure_that_may_pass_is_tried_again(server, kept, monkeypatch):
    """It says why meanwhile."""
    kept.set_desired_state("import os; os.path.exists('room') or exit('no room'); " + ANSWERS)
    eventually(lambda: kept.state() == "failed")
    assert "no room" in kept.why
    monkeypatch.setattr(supervisor, "RETRY_SECONDS", 0)
    (server.folder / "data" / "room").touch()
    eventually(lambda: kept.state() == "available")
    assert (kept.why, kept.port) == ("", server.ports[-1])


def test_what_is_removed_leaves_nothing(server, kept):
    """Neither a process nor a file."""
    kept.set_desired_state(ANSWERS)
    eventually(lambda: kept.state() == "available")
    kept.remove()
    kept.join()
    assert kept.gone
    assert not server.running
    assert not server.folder.exists()
