"""What became of each environment, when a wave stops, and what the report says."""

from runbook_fleet.outcome import Outcome, Result, describe_stop, outcomes_of, report, stops
from runbook_fleet.steps import steps_of
from runbook_fleet.wave_plan import WavePlan

STEPS = steps_of(WavePlan.model_validate({"waves": [["dev"], ["us", "eu"]]}))


def states(**changes):
    """All tasks succeeded, except for the given ones; ``__`` stands for the dots of their ids."""
    found = {step.id: "skipped" if step.name == "rollback" else "success" for step in STEPS}
    return found | {name.replace("__", "."): state for name, state in changes.items()}


def outcome(env, result, failed=()):
    return Outcome(env, 1, result, failed)


def test_an_environment_is_done_when_all_of_it_is_verified():
    assert [(one.env, one.result) for one in outcomes_of(STEPS, states())] == [
        ("dev", Result.DONE), ("us", Result.DONE), ("eu", Result.DONE),
    ]  # fmt: skip


def test_an_environment_has_failed_when_any_of_its_notebooks_has():
    for task in ("plan_02_data", "apply_01_network", "verify_04_deploy"):
        (found,) = outcomes_of(STEPS, states(**{f"wave_1__dev__{task}": "failed"}), wave=1)
        assert (found.result, found.failed) == (Result.FAILED, (f"wave_1.dev.{task}",))


def test_an_environment_that_was_only_planned_is_not_touched():
    left = {step.id: "skipped" for step in STEPS if step.env == "us" and step.mode != "plan"}
    (found,) = (one for one in outcomes_of(STEPS, states() | left) if one.env == "us")
    assert found.result is Result.UNTOUCHED
    assert {one.result for one in outcomes_of(STEPS, {})} == {Result.UNTOUCHED}


def test_a_wave_stops_with_one_failure_more_than_is_tolerated_or_when_all_have_failed():
    good, bad = outcome("a", Result.DONE), outcome("b", Result.FAILED)
    assert not stops([good, good], 0)
    assert stops([good, bad], 0)
    assert not stops([good, bad], 1)
    assert stops([good, bad, bad], 1)
    assert stops([bad], 1)
    assert stops([bad, bad], 5)


def test_a_stop_names_who_failed():
    found = [outcome("a", Result.DONE), outcome("b", Result.FAILED), outcome("c", Result.FAILED)]
    assert describe_stop(found, 1) == "2 of 3 environments failed (b, c); the plan tolerates 1"


def test_the_report_has_every_environment_and_why_it_failed():
    failed = states(wave_2__us__apply_02_data="failed", wave_2__us__rollback="success", wave_2__end="failed")
    text = report(
        outcomes_of(STEPS, failed),
        {"wave_2.us.apply_02_data": "Failed: no capacity.\n  → Ask again.", "wave_2.end": "The waves stop here."},
    )
    assert text.splitlines() == [
        "2 done, 1 failed",
        "✓ wave 1, dev: done",
        "✗ wave 2, us: failed, and rolled back",
        "    wave_2.us.apply_02_data:",
        "      Failed: no capacity.",
        "        → Ask again.",
        "✓ wave 2, eu: done",
        "✗ wave_2.end:",
        "    The waves stop here.",
    ]


def test_the_report_says_where_to_look_for_a_failure_without_a_message():
    text = report(outcomes_of(STEPS, states(wave_1__dev__plan_02_data="failed")), {})
    assert "    wave_1.dev.plan_02_data:\n      see its log in Airflow" in text


def test_the_report_says_what_became_of_the_rollback():
    for state, words in (("failed", "its rollback failed"), ("skipped", "with nothing to roll back")):
        changes = {"wave_1__dev__apply_04_deploy": "failed", "wave_1__dev__rollback": state}
        assert f"✗ wave 1, dev: failed, {'and ' if state == 'failed' else ''}{words}" in report(
            outcomes_of(STEPS, states(**changes)), {}
        )
