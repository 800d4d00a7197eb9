"""The health of targets, by real requests to the instances' applications."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import aiohttp

from embedded_aws.load_balancer.event_loop import LoopThread
from embedded_aws.load_balancer.health_checks import PortOf, check_of, delay_of, groups, is_asked
from embedded_aws.load_balancer.probe import ask
from embedded_aws.load_balancer.target import (
    FAILED,
    HEALTHY,
    LEAST_INTERVAL,
    NOT_REGISTERED,
    STEADY_INTERVAL,
    Check,
    Status,
    Target,
)
from embedded_aws.ticker import each

LOOK_SECONDS = 0.05
# A laptop starts an application no faster because AWS's clock is turned: what every new one gets at any pace,
# also after a restart of the emulator, before Auto Scaling may replace its instance for it.
LEAST_GRACE = 30.0
BOOT_SECONDS = 120.0  # ... and what an instance gets to have an application at all
# A group looks at its load balancer's findings now and then, not at once: so they are seen before they have an end.
LEAST_UNHEALTHY = 10.0


class Health:
    """Knows every registered instance, asks it for its health, and says who may have a request.

    Args:
        lock: Guards moto's backends. `tick`, `note`, `describe` and `leaving` are called with it held.
        port_of: The port on this machine of an instance's application; None while it has none.
        pace: What AWS's intervals and delays are multiplied by at the moment.
    """

    def __init__(
        self, lock: RLock, port_of: PortOf, pace: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.lock, self._port_of, self._pace, self._clock = lock, port_of, pace, clock
        self._guard = RLock()  # of what follows; whoever holds it waits for nothing
        self._targets: dict[tuple[str, str], Target] = {}
        self._turns = itertools.count(1)
        self._loop = LoopThread("health")
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._loop.start()
        self._loop.give(self._run())

    def stop(self) -> None:
        """Ask no more."""
        self._loop.stop(last=self._close)

    def tick(self) -> bool:
        """Take note of what was registered, changed and deregistered; it never changes the account itself."""
        known = {group.arn: group for group in groups()}
        each(known.values(), self.note)
        with self._guard:
            self._targets = {key: target for key, target in self._targets.items() if key[0] in known}
        return False

    def note(self, group: Any) -> None:
        """Take note of the targets of one of moto's groups."""
        if not is_asked(group):
            return
        checks = {name: check_of(group, found, self._port_of) for name, found in group.targets.items()}
        now, delay = self._clock(), delay_of(group)
        with self._guard:
            for name, check in checks.items():
                self._register(group.arn, name, check, now)
            for target in [target for target in self._targets.values() if target.group == group.arn]:
                if target.instance not in checks:
                    self._release(target, now, delay)

    def state(self, target_group_arn: str, instance_id: str) -> str:
        """initial, healthy, unhealthy, draining or unused."""
        return self.status(target_group_arn, instance_id).state

    def status(self, target_group_arn: str, instance_id: str) -> Status:
        """The state of a target, and why."""
        with self._guard:
            target = self._targets.get((target_group_arn, instance_id))
            return target.now if target else NOT_REGISTERED

    def describe(self, group: Any, instance_id: str) -> Status:
        """The state of a target of one of moto's groups, with what the last call has changed."""
        self.note(group)
        return self.status(group.arn, instance_id)

    def leaving(self, group: Any) -> list[str]:
        """The instances that a group is draining."""
        self.note(group)
        with self._guard:
            found = [target for target in self._targets.values() if target.group == group.arn]
            return [target.instance for target in found if target.leaving_since is not None]

    def draining(self, instance_id: str) -> bool:
        """Whether an instance still has time to finish its requests: it should not be ended yet."""
        with self._guard:
            found = [target for target in self._targets.values() if target.instance == instance_id]
            return any(target.leaving_since is not None for target in found)

    def failing(self, target_group_arns: Iterable[str], instance_id: str, grace_seconds: float) -> bool:
        """Whether an instance has been unhealthy for a while in one of these groups, and its time to start is over."""
        with self._guard:
            found = [self._targets.get((arn, instance_id)) for arn in target_group_arns]
            unhealthy = [target for target in found if target and self._is_seen(target)]
            return any(self._started(target, grace_seconds * self._pace()) for target in unhealthy)

    def _is_seen(self, target: Target) -> bool:
        since = target.unhealthy_since
        return target.now.state == "unhealthy" and since is not None and self._clock() - since >= LEAST_UNHEALTHY

    def _started(self, target: Target, grace: float) -> bool:
        if target.listening_since is None:
            return self._clock() - target.since >= max(grace, BOOT_SECONDS)
        return self._clock() - target.listening_since >= max(grace, LEAST_GRACE)

    def choose(self, target_group_arn: str, tried: Iterable[str] = ()) -> Target | None:
        """Whose turn it is: of the healthy ones, and where there are none, of the unhealthy.

        "If a target group contains only unhealthy registered targets, the load balancer routes requests to all those
        targets, regardless of their health status":
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        """
        with self._guard:
            found = [target for target in self._targets.values() if target.group == target_group_arn]
            healthy = [target for target in found if target.now.state == "healthy"]
            able = healthy or [target for target in found if target.now.state == "unhealthy"]
            return min([t for t in able if t.instance not in tried], key=lambda target: target.turn, default=None)

    @contextmanager
    def serving(self, target: Target) -> Iterator[None]:
        """Count a request as one that the target has, so that it is not gone before it has answered."""
        with self._guard:
            target.turn = next(self._turns)
            target.in_flight += 1
        try:
            yield
        finally:
            with self._guard:
                target.in_flight -= 1

    def _register(self, arn: str, name: str, check: Check, now: float) -> None:
        target = self._targets.get((arn, name))
        if target is None or target.leaving_since is not None or (target.check.unused and not check.unused):
            target = self._targets[arn, name] = Target(arn, name, check, since=now)
        target.check = check
        if check.port is not None and target.listening_since is None:
            target.listening_since = now

    def _release(self, target: Target, now: float, delay: float) -> None:
        if target.leaving_since is None:
            target.leaving_since, target.delay = now, delay
        if target.check.unused is not None or target.gone(now, self._pace()):
            self._targets.pop((target.group, target.instance), None)

    async def _run(self) -> None:
        # Each check has a connection of its own, as each tells whether one can be made.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        running: set[asyncio.Task[None]] = set()
        while True:
            for target in self._due():
                task = asyncio.create_task(self._ask(self._session, target))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(LOOK_SECONDS)

    async def _close(self) -> None:
        if self._session:
            await self._session.close()

    def _due(self) -> list[Target]:
        now = self._clock()
        with self._guard:
            able = [t for t in self._targets.values() if t.leaving_since is None and not t.check.unused]
            due = [target for target in able if not target.asking and target.due <= now]
            for target in due:
                target.asking = True
                least = STEADY_INTERVAL if target.status is HEALTHY else LEAST_INTERVAL
                target.due = now + max(least, target.check.interval * self._pace())
            return due

    async def _ask(self, session: aiohttp.ClientSession, target: Target) -> None:
        result = FAILED
        try:
            result = await ask(session, target.check)
        finally:
            with self._guard:
                target.asking = False
                target.learn(result, self._clock())


_installed: list[Health] = []


def install(health: Health) -> None:
    """From now on, targets are as healthy as this one finds them."""
    _installed[:] = [health]


def uninstall() -> None:
    """From now on, every running target is healthy."""
    _installed.clear()


def installed() -> Health | None:
    """Who knows the health of targets; None when nobody asks them."""
    return _installed[0] if _installed else None
