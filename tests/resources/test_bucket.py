"""The bucket that keeps evidence: locks for what is stored in it, from the beginning or later on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.engine.engine import Engine
from runbook_lib.errors import RequestRejected
from runbook_lib.resources.bucket import Bucket
from runbook_lib.stacks.stack import Stack

PLAIN, LOCKING = Bucket(name="runbook"), Bucket(name="runbook", object_lock=True)


def bucket_of(door):
    return PLAIN.aws_name(door)


def test_a_lock_is_wished_for_at_creation(engine, aws, door, calls):
    engine.apply(Stack("s", it=LOCKING))
    found = aws.client("s3").get_object_lock_configuration(Bucket=bucket_of(door))["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}  # no rule: each object says for how long
    assert "PutObjectLockConfiguration" not in [call.operation for call in calls]


def test_a_bucket_in_use_gets_its_lock_in_place_and_the_plan_says_so(door, journal, aws):
    Engine(door, journal).apply(Stack("s", it=PLAIN))
    aws.client("s3").put_object(Bucket=bucket_of(door), Key="lock.json", Body=b"{}")
    engine = Engine(door, journal)
    plan = engine.plan(Stack("s", it=LOCKING))
    assert [(c.action.value, dict(c.fields)) for c in plan.todo] == [("update", {"object_lock": (False, True)})]
    engine.apply(Stack("s", it=LOCKING))
    assert engine.plan(Stack("s", it=LOCKING), refresh=True).todo == ()


def test_a_lock_that_is_no_longer_wished_for_stays(door, journal):
    """AWS never takes it back, so a plan does not promise it."""
    Engine(door, journal).apply(Stack("s", it=LOCKING))
    assert Engine(door, journal).plan(Stack("s", it=PLAIN)).todo == ()


def test_without_the_wish_nothing_is_asked_about_it(engine, calls, door):
    engine.apply(Stack("s", it=PLAIN))
    engine.plan(Stack("s", it=PLAIN), refresh=True)
    assert not [call for call in calls if "ObjectLock" in call.operation]


def test_objects_that_s3_does_not_delete_are_an_error_with_its_reason(engine, aws):
    """Locked versions: S3 answers 200 and lists them; it is not waited until the bucket is empty."""
    stack = Stack("s", it=replace(LOCKING, kept=False))
    engine.apply(stack)
    s3, name = aws.client("s3"), bucket_of(engine.aws)
    until = datetime.now(UTC) + timedelta(days=1)
    s3.put_object(
        Bucket=name, Key="evidence/a", Body=b"a", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )
    with pytest.raises(RequestRejected, match="DeleteObjects was refused for evidence/a: AccessDenied"):
        engine.destroy(stack)
