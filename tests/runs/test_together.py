"""Runs that begin at once, each a process of its own: one works, the others are told, and nothing is there twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from runbook_lib import Runbook
from runbook_lib.stacks.network import network

RUN = """
import sys, time
from pathlib import Path
from runbook_lib import Runbook
from runbook_lib.errors import RunbookError
from runbook_lib.stacks.network import network
mode, start = sys.argv[1], Path(sys.argv[2])
book = Runbook("01_network", env="local", mode=mode, confirm="local")
stack = network(book.params)
start.with_name(sys.argv[3]).touch()
while not start.exists():
    time.sleep(0.01)
try:
    if mode == "apply":
        book.plan(stack)
        book.apply(stack)
    else:
        book.destroy(stack)
except RunbookError as error:
    print(type(error).__name__, error)
    sys.exit(1)
"""


def together(root, *modes):
    """Start them all, let them go at the same moment, and return their exit codes and what they said."""
    start = root / "start"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, mode, str(start), f"ready-{number}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number, mode in enumerate(modes)
    ]  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(root.glob("ready-*"))) < len(modes):
        assert time.monotonic() < deadline, "a run did not get to its start"
        time.sleep(0.05)
    start.touch()
    ended = [process.communicate(timeout=300) for process in processes]
    for _, error in ended:
        assert "Traceback" not in error, error
    return [(process.returncode, said) for process, (said, _) in zip(processes, ended, strict=True)]


def writes(root):
    """What AWS has carried out, by run."""
    found = {}
    for path in root.glob("artifacts/local/*/journal.jsonl"):
        for event in map(json.loads, path.read_text().splitlines()):
            if event["event"] == "call" and event["write"] and not event["error"] and event["service"] != "s3":
                found.setdefault(path.parent.name, []).append(f"{event['service']}.{event['operation']}")
    return found


@pytest.mark.parametrize("number", [3, pytest.param(10, marks=pytest.mark.exhaustive)])
def test_of_applies_that_begin_at_once_on_an_empty_account_one_works(root, aws, number):
    ended = together(root, *["apply"] * number)
    worked = [said for code, said in ended if code == 0]
    refused = [said for code, said in ended if code]
    assert worked, refused
    assert all(said.startswith("Locked") for said in refused), refused
    assert len(writes(root)) == 1, "only the one that got the lock has written"
    ec2 = aws.client("ec2")
    vpcs = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    assert len(vpcs) == 1
    assert len(ec2.describe_addresses()["Addresses"]) == 1
    book = Runbook("01_network", env="local")
    assert "Nothing to do." in repr(book.plan(network(book.params)))


@pytest.mark.exhaustive
def test_of_a_destroy_and_applies_that_begin_at_once_one_works_at_a_time(root, aws):
    book = Runbook("01_network", env="local", mode="apply")
    stack = network(book.params)
    book.plan(stack)
    book.apply(stack)
    ended = together(root, "destroy", "apply", "destroy", "apply")
    assert 0 in [code for code, _ in ended], ended
    # Whoever finds the environment half removed is told so before it writes.
    assert all(said.startswith(("Locked", "Unconfirmed")) for code, said in ended if code), ended
    again = Runbook("01_network", env="local", mode="destroy", confirm="local")
    again.destroy(stack)
    ec2 = aws.client("ec2")
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
    assert ec2.describe_addresses()["Addresses"] == []
