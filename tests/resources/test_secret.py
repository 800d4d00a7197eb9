"""A secret is looked up by its name: the list of all secrets is minutes late."""

import pytest

from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.errors import NotOwned
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.stacks.stack import Stack

SECRET = RandomSecret(name="web/session", random="key")


@pytest.fixture
def pauses():
    """How long the engine slept, each time."""
    return []


@pytest.fixture
def engine(door, journal, pauses):
    """No time passes for it but what it sleeps, and it does not really sleep."""
    return Engine(door, journal, clock=Clock(now=lambda: sum(pauses), sleep=pauses.append))


def test_a_late_list_delays_nothing(engine, aws, pauses):
    """It is created once and deleted once, and both are seen at once."""
    stack = Stack("s", it=SECRET)
    aws.control("pace", 1)
    try:
        engine.apply(stack)
        assert aws.client("secretsmanager").list_secrets()["SecretList"] == []
        assert engine.plan(stack, refresh=True).todo == ()
        engine.destroy(stack)
        engine.apply(stack)
    finally:
        aws.control("pace", 0)
    assert sum(pauses) < 5


def test_somebody_elses_secret_of_that_name_is_left_alone(engine, aws):
    aws.client("secretsmanager").create_secret(Name="test/web/session", SecretString="theirs")
    assert [change.action for change in engine.plan(Stack("s", it=SECRET)).todo] == [Action.BLOCKED]
    with pytest.raises(NotOwned):
        engine.apply(Stack("s", it=SECRET))
