"""Check the health of targets by real requests to the instances' applications."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import aiohttp

from embedded_aws.event_loop import LoopThread
from embedded_aws.load_balancer.health_checks import PortOf, check_of, checked_groups, deregistration_delay, is_checked
from embedded_aws.load_balancer.probe import run_check
from embedded_aws.load_balancer.target import (
    FAILED,
    HEALTHY,
    MIN_INTERVAL,
    NOT_REGISTERED,
    STEADY_INTERVAL,
    Check,
    Status,
    Target,
)
from embedded_aws.ticker import run_each

POLL_SECONDS = 0.05
# Real seconds that an application gets to start, whatever the pace, also after a restart of the emulator, before Auto
# Scaling may replace its instance.
MIN_GRACE_SECONDS = 30.0
MIN_BOOT_SECONDS = 120.0  # the same for an instance on which no application listens
# Auto Scaling reads target health only now and then, so that an unhealthy target can be seen before it is replaced.
MIN_UNHEALTHY_SECONDS = 10.0


class HealthChecker:
    """Checks the health of every registered instance, and chooses the target of each request.

    Args:
        lock: Guards moto's backends. `tick`, `sync_group`, `describe` and `draining_instances` need it to be held.
        port_of: Returns the local port of an instance's application; None while it has none.
        pace: Returns the factor for AWS's intervals and delays.
    """

    def __init__(
        self, lock: RLock, port_of: PortOf, pace: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.lock, self._port_of, self._pace, self._clock = lock, port_of, pace, clock
        self._targets_lock = RLock()  # guards the targets; its holders never block
        self._targets: dict[tuple[str, str], Target] = {}
        self._request_numbers = itertools.count(1)
        self._loop = LoopThread("health")
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Start the checks."""
        self._loop.start()
        self._loop.submit(self._run())

    def stop(self) -> None:
        """Stop the checks."""
        self._loop.stop(last=self._close)

    def tick(self) -> bool:
        """Take over which targets are registered and how they are checked; returns False, as nothing changes."""
        known = {group.arn: group for group in checked_groups()}
        run_each(known.values(), self.sync_group)
        with self._targets_lock:
            self._targets = {key: target for key, target in self._targets.items() if key[0] in known}
        return False

    def sync_group(self, group: Any) -> None:
        """Take over the targets of one of moto's groups."""
        if not is_checked(group):
            return
        checks = {name: check_of(group, registered, self._port_of) for name, registered in group.targets.items()}
        now, delay = self._clock(), deregistration_delay(group)
        with self._targets_lock:
            for name, check in checks.items():
                self._register(group.arn, name, check, now)
            for target in [target for target in self._targets.values() if target.group == group.arn]:
                if target.instance not in checks:
                    self._deregister(target, now, delay)

    def state(self, target_group_arn: str, instance_id: str) -> str:
        """Return a target's state: initial, healthy, unhealthy, draining or unused."""
        return self.status(target_group_arn, instance_id).state

    def status(self, target_group_arn: str, instance_id: str) -> Status:
        """Return the state of a target, and its reason."""
        with self._targets_lock:
            target = self._targets.get((target_group_arn, instance_id))
            return target.current_status if target else NOT_REGISTERED

    def describe(self, group: Any, instance_id: str) -> Status:
        """Return the status of a target of one of moto's groups, after taking over the group's targets."""
        self.sync_group(group)
        return self.status(group.arn, instance_id)

    def draining_instances(self, group: Any) -> list[str]:
        """Return the instances that a group is draining."""
        self.sync_group(group)
        with self._targets_lock:
            targets = [target for target in self._targets.values() if target.group == group.arn]
            return [target.instance for target in targets if target.leaving_since is not None]

    def is_draining(self, instance_id: str) -> bool:
        """Whether an instance still has requests to finish, so that it should not be terminated yet."""
        with self._targets_lock:
            targets = [target for target in self._targets.values() if target.instance == instance_id]
            return any(target.leaving_since is not None for target in targets)

    def is_failing(self, target_group_arns: Iterable[str], instance_id: str, grace_seconds: float) -> bool:
        """Whether an instance has been unhealthy for a while in one of these groups, after its time to start."""
        with self._targets_lock:
            targets = [self._targets.get((arn, instance_id)) for arn in target_group_arns]
            unhealthy = [target for target in targets if target and self._is_long_unhealthy(target)]
            return any(self._had_time_to_start(target, grace_seconds * self._pace()) for target in unhealthy)

    def _is_long_unhealthy(self, target: Target) -> bool:
        since = target.unhealthy_since
        return (
            target.current_status.state == "unhealthy"
            and since is not None
            and self._clock() - since >= MIN_UNHEALTHY_SECONDS
        )

    def _had_time_to_start(self, target: Target, grace: float) -> bool:
        if target.listening_since is None:
            return self._clock() - target.since >= max(grace, MIN_BOOT_SECONDS)
        return self._clock() - target.listening_since >= max(grace, MIN_GRACE_SECONDS)

    def choose(self, target_group_arn: str) -> Target | None:
        """Return the target of the next request: a healthy one, or an unhealthy one where none is healthy.

        "If a target group contains only unhealthy registered targets, the load balancer routes requests to all those
        targets, regardless of their health status":
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        """
        with self._targets_lock:
            targets = [target for target in self._targets.values() if target.group == target_group_arn]
            healthy = [target for target in targets if target.current_status.state == "healthy"]
            usable = healthy or [target for target in targets if target.current_status.state == "unhealthy"]
            return min(usable, key=lambda target: target.last_request, default=None)

    @contextmanager
    def count_request(self, target: Target) -> Iterator[None]:
        """Count a request to a target while it is in flight, so that draining waits for it."""
        with self._targets_lock:
            target.last_request = next(self._request_numbers)
            target.in_flight += 1
        try:
            yield
        finally:
            with self._targets_lock:
                target.in_flight -= 1

    def keeps_connections(self, target: Target) -> bool:
        """Whether a target's open connections may go on: until it is deregistered, and then for the delay.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
        (deregistration delay)
        """
        with self._targets_lock:
            waited = self._clock() - (target.leaving_since or self._clock())
            return target.leaving_since is None or waited < target.delay * self._pace()

    def _register(self, arn: str, name: str, check: Check, now: float) -> None:
        target = self._targets.get((arn, name))
        if target is None or target.leaving_since is not None or (target.check.unused and not check.unused):
            target = self._targets[arn, name] = Target(arn, name, check, since=now)
        target.check = check
        if check.port is not None and target.listening_since is None:
            target.listening_since = now

    def _deregister(self, target: Target, now: float, delay: float) -> None:
        if target.leaving_since is None:
            target.leaving_since, target.delay = now, delay
        if target.check.unused is not None or target.is_drained(now, self._pace()):
            self._targets.pop((target.group, target.instance), None)

    async def _run(self) -> None:
        # A connection per check, as each check also tests whether a connection can be made.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        running: set[asyncio.Task[None]] = set()
        while True:
            for target in self._due():
                task = asyncio.create_task(self._check(self._session, target))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(POLL_SECONDS)

    async def _close(self) -> None:
        if self._session:
            await self._session.close()

    def _due(self) -> list[Target]:
        now = self._clock()
        with self._targets_lock:
            checked = [t for t in self._targets.values() if t.leaving_since is None and not t.check.unused]
            due = [target for target in checked if not target.checking and target.due <= now]
            for target in due:
                target.checking = True
                minimum = STEADY_INTERVAL if target.status is HEALTHY else MIN_INTERVAL
                target.due = now + max(minimum, target.check.interval * self._pace())
            return due

    async def _check(self, session: aiohttp.ClientSession, target: Target) -> None:
        result = FAILED
        try:
            result = await run_check(session, target.check)
        finally:
            with self._targets_lock:
                target.checking = False
                target.record_result(result, self._clock())


_installed: list[HealthChecker] = []


def install(health: HealthChecker) -> None:
    """Use this checker for the health of all targets from now on."""
    _installed[:] = [health]


def installed() -> HealthChecker | None:
    """Return the checker in use; None when nothing checks targets."""
    return _installed[0] if _installed else None
