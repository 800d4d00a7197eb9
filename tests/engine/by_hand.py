"""An account of things that are there or not, whose time passes only while the engine waits."""

from __future__ import annotations

from contextlib import contextmanager

from runbook_lib.engine.context import Clock, Context
from runbook_lib.engine.engine import Engine
from runbook_lib.resources.base import Observed, kind
from tests.aws.fake_account import FakeAws
from tests.support.fake_kinds import Thing


@kind
class Made(Thing):
    """A thing that is made, changed and deleted in a :class:`World`."""

    ready_fields = frozenset({"beside"})
    wait_timeout = 60
    eventual_errors = frozenset({"NotYet"})

    def observe(self, look, ids):
        if error := look.aws.strangers.get(self.key):
            look._refuse(self, error)
        return look.aws.look(look, self.key)

    def create(self, aws, ids):
        aws.send("create", self, Observed(f"id-{self.name}", dict(self.desired(ids))))

    def update(self, aws, ids, observed, drift):
        aws.send("update", self, Observed(observed.id, observed.state | {f: self.desired(ids)[f] for f in drift}))

    def delete(self, aws, ids, observed):
        aws.send("delete", self, None)

    def foresee_refusal(self, snapshot, ids, observed, fields):
        wanted = {need.key: ids.get(need) for need in self.dependencies}
        snapshot.aws.asked.append((self.key, observed and observed.id, sorted(fields), wanted))
        return snapshot.aws.refusals.get(self.key)

    def users(self, snapshot, observed):
        return snapshot.aws.users.get(self.key, "")


@kind
class MadeBucket(Made):
    holds_lock = True


@kind
class LateMade(Made):
    update_when_ready = True


class Record:
    """A journal that is only kept."""

    def __init__(self):
        self.events = []

    def write(self, event, **data):
        self.events.append((event, data))

    @contextmanager
    def step(self, event, **data):
        more = {}
        try:
            yield more
        finally:
            self.write(event, **data, **more)


START = 1000.0


class World(FakeAws):
    """The account, its clock and its journal.

    Args:
        things: What is there, by key; each snapshot looks at each once.
        takes: The seconds until AWS answers what is sent.
        strangers: Why a thing may be somebody else's.
    """

    def __init__(self, **more):
        super().__init__(**more)
        self.account, self.region = "123456789012", "us-west-2"
        self.things, self.sent, self.progress, self.slept, self.locked, self.seen = {}, [], [], [], [], {}
        self.errors, self.becomes, self.refusals, self.users, self.strangers = {}, {}, {}, {}, {}
        self.now, self.takes, self.journal = START, 0.0, Record()

    @property
    def events(self):
        return self.journal.events

    @property
    def elapsed(self):
        return self.now - START

    def look(self, snapshot, key):
        """What is there; what *becomes* has for it comes first, one at each look."""
        if (snapshot, key) not in self.seen:
            if self.becomes.get(key):
                self.things[key] = self.becomes[key].pop(0)
            self.seen[snapshot, key] = self.things.get(key)
        return self.seen[snapshot, key]

    @property
    def looks(self):
        return len(self.seen)

    def send(self, verb, resource, observed):
        """Write, unless *errors* has some for it: each is raised once."""
        self.sent.append(f"{verb} {resource.key}")
        self.now += self.takes
        if self.errors.get(resource.key):
            error = self.errors[resource.key].pop(0)
            if error is not None:
                raise error
        if not self.becomes.get(resource.key):
            self.things[resource.key] = observed

    def there(self, *resources, **more):
        """Put resources there as they are wanted."""
        ids = {resource: f"id-{resource.name}" for resource in resources}
        for resource in resources:
            self.things[resource.key] = Observed(f"id-{resource.name}", dict(resource.desired(ids)), **more)

    # What the engine takes for clock and lock.

    @property
    def clock(self):
        return Clock(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def ensure_lock(self, **more):
        self.locked.append(more)

    def report(self, resource, status, seconds):
        self.progress.append((resource.key, status, seconds))

    def context(self):
        return Context(self, self.journal, self.clock, self.ensure_lock, on_progress=self.report)

    def engine(self, **more):
        return Engine(self, self.journal, **{"ensure_lock": self.ensure_lock, "clock": self.clock} | more)
