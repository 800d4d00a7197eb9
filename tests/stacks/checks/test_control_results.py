"""What a control comes to: its result, its reasons, and what a check tells of it.

https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
"""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from runbook_lib.errors import MissingDependency
from runbook_lib.params.controls import CONTROLS, ControlException, Controls
from runbook_lib.stacks.checks.controls import EVALUATIONS, conclude, controls
from runbook_lib.stacks.checks.controls.outcome import Offence, Outcome, judge, required
from tests.support.stack_runs import PARAMS

TODAY = date(2026, 11, 28)
A, B, C = Offence("i-a", "is bad", "server.a"), Offence("i-b", "is worse"), Offence("web", "is worst", "web")
ALL = Outcome(["i-a", "i-b", "web", "fine"], [A, B, C])
UNNEEDED = "in the parameters is not needed: nothing fails that it names"


@pytest.mark.parametrize(
    ("offence", "text"), [(A, "server.a (i-a) is bad"), (B, "i-b is worse"), (C, "web is worst")]
)  # fmt: skip
def test_an_offence_names_a_resource_by_its_key_and_id(offence, text):
    assert str(offence) == text


def test_an_outcome_is_empty_unless_something_is_told():
    assert ([*Outcome().looked_at], [*Outcome().offences], Outcome().not_applicable) == ([], [], "")
    assert Offence("i", "is bad").key == ""


def test_a_judge_looks_at_each_item():
    """By default, the key is that of its tags."""
    pair = [{"Key": "runbook:key", "Value": "a.b"}]
    items = [
        {"Id": 1, "Why": "is bad", "Tags": pair},
        {"Id": 2, "Why": ""},
        {"Id": 3, "Why": "is worse", "TagList": pair},
    ]
    first, second = ("1", "is bad"), ("3", "is worse")
    for more, keys in (({}, ("a.b", "")), ({"tags": "TagList"}, ("", "a.b")), ({"key": "own.key"}, ["own.key"] * 2)):
        outcome = judge(items, "Id", lambda item: item["Why"], "none", **more)
        expected = [Offence(*each, key) for each, key in zip((first, second), keys, strict=True)]
        assert outcome == Outcome(["1", "2", "3"], expected)
    assert judge([], "Id", str, "none there") == Outcome(not_applicable="none there")


def test_a_required_field_has_exactly_the_value():
    wrong = required("Encrypted", False, "is encrypted")
    assert [wrong(item) for item in ({"Encrypted": False}, {"Encrypted": True}, {})] == ["", *["is encrypted"] * 2]


def exception(*resources, expires=None):
    raw = {"control": "EC2.9", "reason": "it is meant", "resources": resources, "expires": expires}
    return ControlException.model_validate(raw)


BAD, WORSE, WORST = map(str, (A, B, C))
BEFORE, LAST = "2026-11-27", "2026-11-28"
LATE = f"; the exception expired after {BEFORE}"
MEANT = "exception: it is meant"


@pytest.mark.parametrize(
    ("outcome", "exceptions", "expected"),
    [
        (Outcome(["a", "b"]), [], ("pass", ["holds for 2"])),
        (Outcome(), [exception()], ("fail", ["nothing was there to look at"])),
        (Outcome(not_applicable="there is none"), [exception()], ("not applicable", ["there is none"])),
        (Outcome(offences=[A]), [], ("fail", [BAD])),
        (ALL, [], ("fail", [BAD, WORSE, WORST])),
        (ALL, [exception()], ("exception", [f"{BAD}, {WORSE}, {WORST}; {MEANT}"])),
        (ALL, [exception("server.a"), exception("i-b", "web")],
         ("exception", [f"{BAD}; {MEANT}", f"{WORSE}, {WORST}; {MEANT}"])),
        (ALL, [exception("i-a", "i-b")], ("fail", [WORST, f"{BAD}, {WORSE}; {MEANT}"])),
        (ALL, [exception("i-a", expires=BEFORE)], ("fail", [f"{BAD}{LATE}", WORSE, WORST])),
        (ALL, [exception(expires=BEFORE)], ("fail", [f"{BAD}{LATE}", f"{WORSE}{LATE}", f"{WORST}{LATE}"])),
        (ALL, [exception(expires=BEFORE), exception("web", expires=LAST), exception("i-a", "i-b")],
         ("exception", [f"{BAD}, {WORSE}; {MEANT}", f"{WORST}; exception, until {LAST}: it is meant"])),
        (ALL, [exception("x", "y"), exception("web")],
         ("fail", [BAD, WORSE, f"{WORST}; {MEANT}", f"the exception for x, y {UNNEEDED}"])),
        (ALL, [exception("x"), exception()],
         ("exception", [f"{BAD}, {WORSE}, {WORST}; {MEANT}", f"the exception for x {UNNEEDED}"])),
        (Outcome(["a"]), [exception(), exception("x", expires=BEFORE)],
         ("pass", ["holds for 1", f"the exception {UNNEEDED}", f"the exception for x {UNNEEDED}"])),
    ],
)  # fmt: skip
def test_what_an_outcome_comes_to(outcome, exceptions, expected):
    assert conclude(outcome, exceptions, TODAY) == expected


def test_which_notebook_evaluates_which_services():
    services = {
        "network": {"EC2", "S3"}, "data": {"RDS", "ElastiCache"},
        "compute": {"EC2", "SSM", "ELB", "ACM", "AutoScaling"},
        "deploy": {"IAM", "KMS", "SecretsManager", "CloudWatch"},
    }  # fmt: skip
    for name, own in services.items():
        checks = controls(SimpleNamespace(name=name), PARAMS)
        assert isinstance(checks, tuple)
        claims = [check.claim for check in checks]
        ids = [claim.split()[0] for claim in claims]
        assert {each.partition(".")[0] for each in ids} == own
        assert claims == [f"{each} {CONTROLS[each].title}" for each in ids]
        assert ids == [*EVALUATIONS[name]]


def probes(monkeypatch, evaluations, *exceptions):
    """What the controls' checks tell of a snapshot, when they are evaluated so."""
    for name, how in evaluations.items():
        monkeypatch.setitem(EVALUATIONS["network"], name, how)
    params = PARAMS.model_copy(update={"controls": Controls(exceptions=exceptions)})
    checks = {check.claim.split()[0]: check.probe for check in controls(SimpleNamespace(name="network"), params)}
    return params, lambda snapshot: {name: checks[name](snapshot, {}) for name in evaluations}


def found(name, result, *why, looked_at=(), **more):
    source = f"https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-{name.split('.')[1]}"
    own = {"control": name, "severity": CONTROLS[name].severity, **more, "source": source}
    return result != "fail", own | {"result": result, "why": [*why], "looked at": [*looked_at]}


def test_a_check_tells_its_control_with_what_it_came_to(monkeypatch):
    """Only its own exceptions count for it, and today is a day of UTC."""
    today = datetime.now(UTC).date()
    _, look = probes(
        monkeypatch,
        {"EC2.2": lambda _: Outcome(("a", "b")), "EC2.10": lambda _: ALL, "EC2.15": lambda _: Outcome((), (A,)),
         "EC2.16": lambda _: Outcome(not_applicable="there is none"), "EC2.18": lambda _: ALL},
        ControlException(control="EC2.10", reason="it is meant", expires=today + timedelta(days=1)),
        ControlException(control="EC2.18", reason="it is meant", expires=today - timedelta(days=1)),
    )  # fmt: skip
    until = f"exception, until {today + timedelta(days=1)}: it is meant"
    late = f"; the exception expired after {today - timedelta(days=1)}"
    ids = ["i-a", "i-b", "web", "fine"]
    assert look(object()) == {
        "EC2.2": found("EC2.2", "pass", "holds for 2", looked_at=("a", "b"), cis="5.5"),
        "EC2.10": found("EC2.10", "exception", f"{BAD}, {WORSE}, {WORST}; {until}", looked_at=ids),
        "EC2.15": found("EC2.15", "fail", BAD),
        "EC2.16": found("EC2.16", "not applicable", "there is none"),
        "EC2.18": found("EC2.18", "fail", *(f"{each}{late}" for each in (BAD, WORSE, WORST)), looked_at=ids),
    }


def test_what_a_control_cannot_look_at_fails(monkeypatch):
    def missing(account):
        raise MissingDependency("The environment has no VPC.", fix="Apply 01_network.")

    _, look = probes(monkeypatch, {"EC2.10": missing})
    told = "The environment has no VPC: nothing was there to look at"
    assert look(object()) == {"EC2.10": found("EC2.10", "fail", told)}


def test_all_controls_of_a_survey_share_one_account(monkeypatch):
    """Another snapshot is another survey."""
    seen = []

    def how(account):
        seen.append(account)
        return Outcome(("a",))

    params, look = probes(monkeypatch, dict.fromkeys(["EC2.2", "EC2.10"], how))
    first, second = SimpleNamespace(name="first"), SimpleNamespace(name="second")
    for snapshot in (first, second, second):
        look(snapshot)
    assert [account.snapshot for account in seen] == [first, first, second, second, second, second]
    assert [account is seen[0] for account in seen] == [True, True, False, False, False, False]
    assert {id(account) for account in seen[2:]} == {id(seen[2])}
    assert all(account.params is params for account in seen)
