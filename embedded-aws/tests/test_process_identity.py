"""A process is the same one whatever is done to the clock, and another one once its number is given away."""

import os
from dataclasses import replace

import psutil
import pytest

from embedded_aws.process_identity import ProcessIdentity


@pytest.mark.parametrize("step", [-3600, 2, 3600])
def test_a_clock_that_is_set_makes_it_no_other_process(monkeypatch, step):
    """The kernel counts from the boot, whose time of day moves with the clock: a server that runs would be lost."""
    before = ProcessIdentity.current()
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + step)
    assert before.running()
    assert ProcessIdentity.current() == before


def test_another_process_with_its_number_is_another():
    own = ProcessIdentity.current()
    assert replace(own, since_boot=own.since_boot - 1).running() is None
    assert replace(own, pid=os.getppid()).running() is None


def test_one_that_an_earlier_version_wrote_is_known_by_the_clock():
    own = psutil.Process()
    assert ProcessIdentity(own.pid, own.create_time()).running()
    assert ProcessIdentity(own.pid, own.create_time() - 5).running() is None
