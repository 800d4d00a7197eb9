"""The endpoint that an environment's calls use."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from embedded_aws.client import process
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.settings import code_version
from embedded_aws.state_folder import Address, StateFolder
from embedded_aws.testing import embedded
from runbook_lib.aws.endpoints import connection
from runbook_lib.errors import WrongEndpoint


def test_an_environment_without_an_endpoint_is_on_the_real_aws(tmp_path):
    """Nothing is started for a real environment."""
    assert connection("prod", None, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_the_local_environment_never_reaches_the_real_aws(tmp_path):
    """`local` without the embedded endpoint is rejected; the error says what to write."""
    with pytest.raises(WrongEndpoint, match=r"endpoint: embedded"):
        connection("local", None, tmp_path)


def test_an_unknown_endpoint_is_rejected(tmp_path):
    """It is not used as an address."""
    with pytest.raises(WrongEndpoint, match=r"http://localhost:4566"):
        connection("dev", "http://localhost:4566", tmp_path)


def test_importing_the_package_does_not_load_the_emulator():
    """A command for the real AWS does not import moto."""
    code = "import sys, embedded_aws.endpoint, embedded_aws.cli.commands; sys.exit('moto' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_callers_at_the_same_time_share_one_process(tmp_path):
    """Three notebooks that start together use one account."""
    with embedded(tmp_path), ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: connection("local", "embedded", tmp_path), range(3)))
        assert len(set(found)) == 1


def test_it_keeps_running_after_its_starter_has_ended(tmp_path):
    """Until `down`."""
    code = (
        "import sys, pathlib; from runbook_lib.aws import endpoints;"
        "endpoints.connection('local', 'embedded', pathlib.Path(sys.argv[1]))"
    )
    try:
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
        address = process.find(tmp_path)
        assert address
        assert psutil.pid_exists(address.process.pid)
        assert process.stop(tmp_path)
        assert process.find(tmp_path) is None
    finally:
        process.stop(tmp_path)


def test_a_server_that_does_not_answer_is_replaced(tmp_path):
    """For a moment after `kill -9`, its process still seems to run."""
    folder = StateFolder(tmp_path)
    folder.create()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # and now nobody listens there
    with subprocess.Popen(["sleep", "600"]) as dying:
        identity = ProcessIdentity.of_child(dying)
        folder.write_address(Address(port, "token", code_version(), identity))
        with embedded(tmp_path) as aws:
            assert aws.address.process.pid != dying.pid
            assert aws.client("sts").get_caller_identity()["Account"]
        assert dying.wait(5) != 0
