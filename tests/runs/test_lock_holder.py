"""Who holds a lock and for how long, whatever is done to clocks."""

import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

import runbook_lib.runs.lock_holder as holder_module
from runbook_lib.runs.lock_holder import LEASE, UNKNOWN_HOLDER, LockHolder, Timer, age_of

NOW = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
BOOTED, WALL = 1000.0, 1_790_000_000.0


class Clocks:
    """The clocks of a machine, which a test moves."""

    CLOCK_BOOTTIME, CLOCK_MONOTONIC = "boottime", "monotonic"

    def __init__(self):
        self.boottime, self.wall = BOOTED, WALL
        self.asked = []

    def clock_gettime(self, which):
        self.asked.append(which)
        return self.boottime

    def monotonic(self):
        self.asked.append("time.monotonic")
        return self.boottime

    def time(self):
        return self.wall


@pytest.fixture
def clocks(monkeypatch):
    clocks = Clocks()
    monkeypatch.setattr(holder_module, "time", clocks)
    return clocks


@pytest.mark.parametrize(
    ("boottime", "wall", "elapsed"),
    [(60, 60, 60), (60, -3600, 60), (60, 3600, 3600), (0, 0, 0)],
    ids=["both", "set back", "set forward", "at once"],
)
def test_a_clock_that_is_set_can_only_lengthen_the_time(clocks, boottime, wall, elapsed):
    """Then a lock is renewed too early, and never too late."""
    timer = Timer()
    clocks.boottime += boottime
    clocks.wall += wall
    assert timer.elapsed() == timedelta(seconds=elapsed)


@pytest.mark.parametrize(
    ("system", "clock"), [("linux", "boottime"), ("darwin", "monotonic"), ("win32", "time.monotonic")]
)
def test_the_clock_goes_on_while_the_machine_sleeps(clocks, monkeypatch, system, clock):
    """As far as the system has such a clock."""
    monkeypatch.setattr(sys, "platform", system)
    if system == "darwin":
        monkeypatch.delattr(Clocks, "CLOCK_BOOTTIME")
    Timer()
    assert clocks.asked == [clock]


def test_a_timer_measures_this_machine():
    began = time.monotonic()
    timer = Timer()
    assert timedelta() <= timer.elapsed() <= timedelta(seconds=time.monotonic() - began + 1)


@pytest.mark.parametrize(
    ("since", "age"),
    [
        ("2026-05-04T02:00:00+00:00", timedelta(hours=1)),
        ("2026-05-04T04:00:00+02:00", timedelta(hours=1)),
        ("2026-05-04T02:00:00", None),
        ("yesterday", None),
        ("?", None),
        ("", None),
    ],
)
def test_the_age_of_a_lock_is_known_when_its_start_can_be_read(since, age):
    assert age_of(LockHolder("one", "arn:x", "far", 1, 1.0, since), NOW) == age


def test_a_lease_is_ten_minutes_and_nobody_known_is_not_dead():
    assert timedelta(minutes=10) == LEASE
    assert not UNKNOWN_HOLDER.is_dead
