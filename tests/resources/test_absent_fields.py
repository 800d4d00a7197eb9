"""Whatever AWS leaves out of an answer, nothing crashes, and what AWS is deleting is seen as deleting.

Nearly every field is optional in AWS's models.  The answers of an account that holds everything are recorded; then
each field is removed from them, and everything is read again: every kind, the orphans, the picture and the checks.
"""

from __future__ import annotations

import pickle
import re
from datetime import UTC, datetime

import pytest

from runbook_lib.aws.client import Aws
from runbook_lib.aws.shared_reads import Reads
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.orphans import find_orphans
from runbook_lib.errors import NotOwned, RequestRejected
from runbook_lib.evidence.topology import discover
from runbook_lib.resources.alias_record import AliasRecord
from runbook_lib.resources.hosted_zone import HostedZone
from runbook_lib.resources.load_balancer import LoadBalancer
from runbook_lib.resources.requested_certificate import RequestedCertificate
from runbook_lib.resources.validation_record import ValidationRecord
from runbook_lib.stacks.checks.availability import availability
from runbook_lib.stacks.checks.reachability import reachability
from runbook_lib.stacks.stack import Stack, in_order
from tests.support.call_recorder import Wire
from tests.support.stack_runs import Runs, environment, with_sessions

DOMAIN = "www.example.com"
FILTERED = re.compile("Filter|Prefix|Arn'|Path'|Name'|Id'")
"""In such a request: the answer holds nothing of other people."""


class RecordedAws(Aws):
    """An account that answers each read as AWS did the first time, after ``edit`` has changed the answer."""

    def __init__(self, original):
        vars(self).update(
            env=original.env, region=original.region, account=original.account, run=original.run,
            _labels={}, _original=original, reads=Reads(), answers={}, used=set(),
            is_complete=False,
            edit=lambda key, answer: copied(answer),
        )  # fmt: skip

    def client(self, service):
        return _RecordedClient(self, service)

    def pages(self, service, operation, result, **request):
        key = (service, operation, result, repr(request))
        if self.is_complete and key not in self.answers and "tag-key" in key[3]:
            return []  # what is not in its VPC any more is nowhere else
        return self.answer(key, lambda: self._original.pages(service, operation, result, **request))

    def answer(self, key, send):
        self.used.add(key)
        if key not in self.answers:
            try:
                self.answers[key] = send()
            except RequestRejected as error:
                self.answers[key] = error
        if isinstance(self.answers[key], RequestRejected):
            raise self.answers[key]
        return self.edit(key, self.answers[key])


class _RecordedClient:
    def __init__(self, aws, service):
        self._aws, self._service = aws, service

    def __getattr__(self, operation):
        def send(**request):
            original = getattr(self._aws._original.client(self._service), operation)
            return self._aws.answer((self._service, operation, None, repr(request)), lambda: original(**request))

        return send


class World:
    """An account that holds everything, and what reads it."""

    def __init__(self, aws, runs, folder):
        zone = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        hosted_zone = HostedZone(name="web", known_as=zone["HostedZone"]["Id"].rpartition("/")[2])
        certificate = RequestedCertificate(name="other", domain=DOMAIN)
        stacks = environment(with_sessions(), folder)
        self.network, _, web, application = stacks
        names = Stack(
            "names",
            all=(
                certificate,
                ValidationRecord(name="other", zone=hosted_zone, certificate=certificate),
                AliasRecord(name="web", zone=hosted_zone, domain=DOMAIN, balancer=web.the(LoadBalancer)),
            ),
        )
        runs.build(*stacks, names)
        self.aws = RecordedAws(runs.engine().aws)
        self.resources = in_order([resource for stack in (*stacks, names) for resource in stack])
        self.checks = (*reachability(self.network), *availability(application))
        self.used, self.observed, self.ids, self.pickled = {}, {}, {}, {}
        for resource in self.resources:
            self.aws.used = self.used[resource] = set()
            self.observed[resource] = resource.observe(Snapshot(self.aws), self.ids)
            self.ids[resource] = self.observed[resource].id
        self.readers = {resource: self._reader(resource) for resource in self.resources}
        for name, read in self._others().items():
            self.aws.used = self.used[name] = set()
            self.readers[name] = read
            read(Snapshot(self.aws))
        self.aws.is_complete = True

    def _reader(self, resource):
        return lambda snapshot: resource.observe(snapshot, self.ids)

    def _others(self):
        return {
            "orphans": lambda snapshot: find_orphans(snapshot, ()),
            "picture": lambda snapshot: discover(snapshot, datetime.now(UTC)),
            **{
                check.claim: lambda snapshot, check=check: check.probe(snapshot, self.observed) for check in self.checks
            },
        }

    @property
    def successes(self):
        """The answers that are no errors, by call."""
        return {key: answer for key, answer in self.aws.answers.items() if not isinstance(answer, RequestRejected)}

    def readers_of(self, key):
        """Who reads that answer."""
        return [name for name, used in self.used.items() if key in used]

    def read(self, name, changes):
        """What the reader makes of the answers when some are others."""

        def edit(key, answer):
            if key in changes:
                return copied(changes[key])
            if key not in self.pickled:
                self.pickled[key] = pickle.dumps(answer)
            return pickle.loads(self.pickled[key])

        self.aws.edit = edit
        return self.readers[name](Snapshot(self.aws))

    def crash(self, name, changes):
        """How the reader fails; empty where it reads, or where it only tells that a thing is not ours."""
        try:
            self.read(name, changes)
        except NotOwned:
            return ""
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            return f"{getattr(name, 'key', name)} of {', '.join(key[1] for key in changes)}: {error!r}"
        return ""

    def is_lost(self, resource, changes):
        """Whether the resource is not found any more, or seems to be somebody else's."""
        try:
            return self.read(resource, changes) is None
        except (NotOwned, RequestRejected):
            return True


@pytest.fixture(scope="module")
def world(aws_server, tmp_path_factory):
    aws_server.reset()
    folder = tmp_path_factory.mktemp("world")
    return World(aws_server, Runs(aws_server, folder, Wire()), folder)


def test_an_answer_without_one_of_its_fields_is_read(world):
    """One field after the other is left out of each answer, of all things in it."""
    crashes = []
    for key, answer in world.successes.items():
        for path in fields_of(answer):
            changes = {key: without(answer, path)}
            crashes += filter(None, (world.crash(name, changes) for name in world.readers_of(key)))
    assert not crashes, "\n".join(crashes)


def test_a_neighbour_of_which_aws_shows_little_changes_nothing(world):
    """Other people's things stand in the same lists, each without one field or without all of them."""
    wrong = []
    for key, answer in world.successes.items():
        if not isinstance(answer, list) or not answer or not isinstance(answer[0], dict) or FILTERED.search(key[3]):
            continue
        other = foreign({name: value for name, value in answer[0].items() if name not in ("Tags", "TagList")})
        partial = [{}, other, *(without(other, path) for path in fields_of(other))]
        changes = {key: partial + answer + partial}
        for name in world.readers_of(key):
            crash = world.crash(name, changes)
            if crash or (name in world.observed and world.read(name, changes) != world.observed[name]):
                wrong.append(crash or f"{name} reads something else with neighbours in {key[1]}")
    assert not wrong, "\n".join(wrong)


DELETING = {
    "auto_scaling_group.web": ("describe_auto_scaling_groups", ("Status",), "Delete in progress"),
    "cache_replication_group.sessions": ("describe_replication_groups", ("Status",), "deleting"),
    "db_instance.database": ("describe_db_instances", ("DBInstanceStatus",), "deleting"),
    "instance.bastion": ("describe_instances", ("Instances", "State", "Name"), "shutting-down"),
    "nat_gateway.us-west-2a": ("describe_nat_gateways", ("State",), "deleting"),
    "vpc_endpoint.s3": ("describe_vpc_endpoints", ("State",), "Deleting"),
}


def test_a_thing_without_all_its_fields_is_there_and_is_seen_as_deleting(world):
    """Nothing but what tells whose it is remains, and the status where AWS has one."""
    seen = {}
    for resource in world.resources:
        operation, status, word = DELETING.get(resource.key, ("", (), ""))
        changes = {}
        for key in world.used[resource] & world.successes.keys():
            answer = world.successes[key]
            identity = [path for path in fields_of(answer) if world.is_lost(resource, {key: without(answer, path)})]
            changes[key] = only(answer, [*identity, ("ResponseMetadata",)])
            if key[1] == operation:
                put(changes[key], status, word)
        crash = world.crash(resource, changes)
        assert not crash, crash
        seen[resource.key] = world.read(resource, changes)
    missing = [key for key, observed in seen.items() if observed is None]
    assert not missing, missing
    assert {key for key, observed in seen.items() if observed.deleting} == DELETING.keys()


def copied(answer):
    """In a fraction of the time that copy.deepcopy takes."""
    return pickle.loads(pickle.dumps(answer))


def fields_of(answer):
    """The path of each field in an answer; the items of a list have the same paths."""
    return list(dict.fromkeys(_paths(answer)))


def _paths(value, path=()):
    for item in value if isinstance(value, list) else ():
        yield from _paths(item, path)
    for name, item in value.items() if isinstance(value, dict) else ():
        if path or name != "ResponseMetadata":
            yield (*path, name)
            yield from _paths(item, (*path, name))


def without(value, path):
    """A copy without one field, in all items of the lists on its way."""
    if isinstance(value, list):
        return [without(item, path) for item in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {name: item for name, item in value.items() if name != path[0]}
    return {**value, path[0]: without(value[path[0]], path[1:])}


def only(value, paths):
    """A copy with these fields alone, and what they are in."""
    if isinstance(value, list):
        return [only(item, paths) for item in value]
    if not isinstance(value, dict) or () in paths:
        return value
    below = {name: [path[1:] for path in paths if path[0] == name] for name in value}
    return {name: only(item, below[name]) for name, item in value.items() if below[name]}


def put(value, path, word):
    """Set a field in all items of the lists on its way."""
    if isinstance(value, list):
        for item in value:
            put(item, path, word)
    elif len(path) == 1:
        value[path[0]] = word
    else:
        put(value.setdefault(path[0], {}), path[1:], word)


def foreign(value):
    """A copy in which no name, id or ARN is one of ours."""
    if isinstance(value, dict):
        return {name: foreign(item) for name, item in value.items()}
    if isinstance(value, list):
        return [foreign(item) for item in value]
    return f"{value}-of-others" if isinstance(value, str) else value
