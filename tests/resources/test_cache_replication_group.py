"""What is special about a cache: ElastiCache tells whose it is only while it is available."""

from dataclasses import replace

import pytest

from embedded_aws.testing import eventually
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.plan import Action
from runbook_lib.errors import NotOwned
from runbook_lib.resources.base import Observed
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_data import cache
from tests.resources.test_contract import bring_about, grounds


@pytest.fixture
def foreign(aws):
    """A cache of the same name, made by somebody else."""
    elasticache = aws.client("elasticache")
    made = elasticache.create_replication_group(
        ReplicationGroupId="test-sessions",
        ReplicationGroupDescription="Not ours",
        Engine="valkey",
        CacheNodeType="cache.t4g.micro",
    )

    def found():
        return elasticache.describe_replication_groups()["ReplicationGroups"][0]["Status"]

    eventually(lambda: found() == "available")
    yield made["ReplicationGroup"]["ARN"]
    assert found() == "available"


def test_somebody_elses_is_never_ours(engine, foreign):
    for present in (True, False):
        assert [change.action for change in engine.plan(Stack("s", it=cache), present=present).todo] == [Action.BLOCKED]
    with pytest.raises(NotOwned):
        engine.apply(Stack("s", it=cache))
    with pytest.raises(NotOwned):
        engine.destroy(Stack("s", it=cache))


def test_it_is_not_deleted_before_anybody_can_tell_whose_it_is(door, foreign):
    """It was looked at while it was not available, and is asked for again."""
    seen = Observed("test-sessions", {}, ready=False, detail={"_arn": foreign, "_ours": False})
    with pytest.raises(NotOwned):
        cache.delete(door, {}, seen)


def test_while_it_is_made_its_tags_are_known_from_elsewhere(engine, door, aws):
    """And it counts as made, without a second one."""
    bring_about(engine, grounds(cache))
    ids = {need: seen.id for need, seen in engine.survey(grounds(cache), refresh=True).items() if seen}
    cache.create(door, ids)
    seen = cache.observe(Snapshot(door), ids)
    assert seen.detail["_ours"]
    assert engine.plan(Stack("s", it=cache), refresh=True).todo == ()


def test_an_older_engine_is_not_to_be_had(engine):
    """The plan says so, before AWS does; but what AWS has upgraded because we let it is no difference."""
    bring_about(engine, grounds(cache))
    bring_about(engine, Stack("s", it=replace(cache, engine_version="8.1")))
    assert engine.plan(Stack("s", it=cache), refresh=True).todo == ()
    for older in (replace(cache, minor_upgrades=False), replace(cache, engine_version="7.2")):
        (change,) = engine.plan(Stack("s", it=older), refresh=True).changes
        assert change.action is Action.BLOCKED
        assert "engine_downgrade" in change.fields
        assert change.fix.startswith("It runs 8.1")


def test_another_change_waits_for_a_replica_that_still_comes_or_goes(engine, aws):
    """The group is available before that, and ElastiCache refuses the next change then."""
    bring_about(engine, grounds(cache))
    bring_about(engine, Stack("s", it=cache))
    aws.control("pace", 0.01)  # a new node takes three seconds
    try:
        for wanted in (replace(cache, replicas=1, node_type="cache.t4g.small"), cache):
            bring_about(engine, Stack("s", it=wanted))
            assert engine.plan(Stack("s", it=wanted), refresh=True).todo == ()
    finally:
        aws.control("pace", 0)


def test_it_is_not_ready_while_a_node_is_not_available(door, engine, aws):
    bring_about(engine, grounds(cache))
    bring_about(engine, Stack("s", it=cache))
    elasticache = aws.client("elasticache")
    aws.control("pace", 1)
    try:
        more = {"ReplicationGroupId": "test-sessions", "NewReplicaCount": 1, "ApplyImmediately": True}
        elasticache.increase_replica_count(**more)
        eventually(lambda: elasticache.describe_replication_groups()["ReplicationGroups"][0]["Status"] == "available")
        seen = engine.survey([cache], refresh=True)[cache]
        assert (seen.ready, seen.status) == (False, "test-sessions-002 creating")
        with pytest.raises(elasticache.exceptions.InvalidCacheClusterStateFault):
            elasticache.modify_replication_group(ReplicationGroupId="test-sessions", SnapshotRetentionLimit=1)
    finally:
        aws.control("pace", 0)
    assert engine.survey([cache], refresh=True)[cache].ready
