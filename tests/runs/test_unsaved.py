"""An account that the embedded AWS cannot save, or load, fails the command that meets it: nothing is "Verified"."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import runbook_lib
from embedded_aws.client import process
from embedded_aws.state_folder import StateFolder
from tests.support.minimal_notebooks import notebook

REPOSITORY = Path(runbook_lib.__file__).parents[1]
# A topic holds an open socket, which pickle refuses. Only the server imports moto.
PLANT = """
import sys
if "embedded_aws.server.main" in sys.orig_argv:
    import socket
    from moto.sns.models import SNSBackend
    create = SNSBackend.create_topic
    def create_with_a_socket(backend, *arguments, **more):
        topic = create(backend, *arguments, **more)
        topic.planted = socket.socket()
        return topic
    SNSBackend.create_topic = create_with_a_socket
"""
CREATES = """
from runbook_lib import Runbook
book = Runbook("01_network", env=env, mode=mode)
book.aws.sns.create_topic(Name="planted")
"""


@pytest.fixture
def shell(tmp_path):
    """Return a function that runs `runbook` in a root whose one notebook creates what cannot be saved."""
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    shutil.copytree(REPOSITORY / "runbook_lib", tmp_path / "runbook_lib", ignore=shutil.ignore_patterns("__pycache__"))
    notebook(tmp_path, "01_network", opens=CREATES, closes="book.close()")
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "sitecustomize.py").write_text(PLANT)
    path = os.pathsep.join([str(tmp_path / "plant"), str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"RUNBOOK_ROOT": str(tmp_path), "PYTHONPATH": path}

    def run(*arguments):
        return subprocess.run(
            [str(Path(sys.executable).with_name("runbook")), *arguments],
            capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=tmp_path,
        )  # fmt: skip

    try:
        yield run
    finally:
        process.stop(tmp_path)


@pytest.mark.exhaustive
def test_every_command_that_meets_an_unsaved_account_fails(shell, tmp_path):
    """The apply, `local status`, `up` and `down`; so does the first command after the restart, which has lost it."""
    assert shell("local", "up").returncode == 0
    applied = shell("apply", "--env", "local", "--only", "01_network")
    assert (applied.returncode, "✗" in applied.stderr, "Verified" in applied.stdout) == (1, False, False), applied
    for words in (("status",), ("up",), ("down",)):
        met = shell("local", *words)
        assert met.returncode == 1, words
        assert "the account of the embedded AWS cannot be saved (TypeError" in met.stderr
    assert "the account of the embedded AWS cannot be saved (TypeError" in applied.stderr
    lost = shell("plan", "--env", "local", "--only", "01_network")
    assert lost.returncode == 1
    assert "The account is the last one that could be saved" in lost.stderr
    assert "later changes are lost" in lost.stderr


def test_a_run_does_not_begin_on_an_account_that_could_not_be_loaded(shell, tmp_path):
    """It would build a second environment in the empty account; the next run is asked for by somebody who knows."""
    folder = StateFolder(tmp_path)
    folder.create()
    folder.state.write_bytes(b"half")
    met = shell("apply", "--env", "local", "--only", "01_network")
    assert met.returncode == 1
    assert "the account is empty" in met.stderr
    assert not (tmp_path / "artifacts").exists()
