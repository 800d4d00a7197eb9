"""The control API for faults: it needs the token, validates rules, and saves them."""

import urllib.error
import urllib.request

import pytest

from embedded_aws.faults.rules import parse
from embedded_aws.faults.store import Faults
from embedded_aws.state_folder import StateFolder
from runbook_lib.errors import WrongUsage


@pytest.mark.parametrize("name", ["faults", "kill-instance", "fail-zone", "fail-over", "restore"])
def test_every_operation_needs_the_token(aws, name):
    """Reading as well as changing."""
    for method in ("GET", "POST", "DELETE"):
        request = urllib.request.Request(f"{aws.address.url}/_local/{name}", method=method)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=10)


RULE = {"service": "ec2", "operation": "CreateVpc", "kind": "throttle"}


@pytest.mark.parametrize(
    ("changes", "words", "hint"),
    [
        ({"operation": "CreateSubnett"}, "ec2 has no operation 'CreateSubnett'", "CreateSubnet"),
        ({"operation": "createsubnet"}, "ec2 has no operation", "CreateSubnet"),
        ({"operation": "*Subnett*"}, "ec2 has no operation", "Subnet"),
        ({"service": "ecc2"}, "there is no service 'ecc2'", "ec2"),
        ({"service": "elb"}, "there is no service 'elb'", "elbv2"),
        ({"service": "*", "operation": "Frobnicate*"}, "has no operation 'Frobnicate*'", ""),
        ({"kind": "explode"}, "kind: Input should be 'throttle'", "game-days"),
        ({"tmies": 3}, "tmies: Extra inputs are not permitted", "game-days"),
        ({"times": 0}, "times: ", "game-days"),
        ({"probability": 2}, "probability: ", "game-days"),
        ({"kind": "slow"}, "slow needs seconds", "game-days"),
        ({"kind": "refuse"}, "refuse needs code", "game-days"),
        ({"seconds": 3}, "throttle has no option seconds", "game-days"),
        ({"kind": "error", "status": 404}, "error is 500 or 503", "game-days"),
    ],
)
def test_an_invalid_rule_is_rejected_with_a_suggestion(faults, changes, words, hint):
    """None of the rules sent with it is added."""
    with pytest.raises(WrongUsage) as raised:
        faults.ask("POST", "faults", [RULE, RULE | changes])
    assert words in raised.value.what
    assert hint in raised.value.fix
    assert faults.counts() == []


def test_an_unknown_event_is_rejected(faults):
    with pytest.raises(WrongUsage, match=r"no event 'ValidateServce'[\s\S]*ValidateService"):
        faults.ask("POST", "faults", {"hook": "ValidateServce"})
    with pytest.raises(WrongUsage, match="no event 'BlockTraffic'"):
        faults.ask("POST", "faults", {"hook": "BlockTraffic"})


@pytest.mark.parametrize("sent", [3, "ec2:CreateVpc", [None]])
def test_a_payload_that_is_not_a_rule_is_rejected(faults, sent):
    with pytest.raises(WrongUsage, match="is not a fault rule"):
        faults.ask("POST", "faults", sent)


def test_some_faults_can_be_cleared(faults):
    one, two, three = (faults.add("ec2:CreateVpc", "throttle") for _ in range(3))
    faults.ask("DELETE", "faults", {"numbers": [one, three]})
    assert [found["number"] for found in faults.ask("GET", "faults")["faults"]] == [two]
    with pytest.raises(WrongUsage, match=f"there is no fault {one}"):
        faults.ask("DELETE", "faults", {"numbers": [one]})


@pytest.fixture
def folder(tmp_path):
    folder = StateFolder(tmp_path)
    folder.create()
    return folder


def test_counts_and_numbers_survive_a_restart(folder):
    faults = Faults(folder)
    faults.add([parse(RULE | {"times": 2, "seed": 7}), parse({"hook": "ValidateService", "zone": "us-west-2a"})])
    faults.hit_call("ec2", "CreateVpc")
    again = Faults(folder)
    assert again.describe() == faults.describe()
    assert again.hit_call("ec2", "CreateVpc")
    assert again.hit_call("ec2", "CreateVpc") is None
    again.clear()
    assert [fault.number for fault in Faults(folder).add([parse(RULE)])] == [3]


def test_a_damaged_file_does_not_stop_the_start(folder):
    folder.faults.write_text('{"last": 1, "faults": [{"number": 1, "rule": {"kind": "of a later version"}}')
    assert Faults(folder).describe() == []


def test_the_oldest_rule_that_hits_is_applied(folder):
    """Later rules do not count the call: each of three rules hits one of the first three calls."""
    faults = Faults(folder)
    faults.add([parse(RULE | {"kind": kind, "times": 1}) for kind in ("throttle", "error", "lost")])
    hits = [faults.hit_call("ec2", "CreateVpc") for _ in range(4)]
    assert [hit and hit[1].kind for hit in hits] == ["throttle", "error", "lost", None]


def test_a_hook_rule_matches_event_and_zone(folder):
    faults = Faults(folder)
    faults.add([parse({"hook": "ValidateService", "zone": "us-west-2a", "times": 1})])
    assert faults.hit_hook("ValidateService", "i-1", "us-west-2b") is None
    assert faults.hit_hook("AfterInstall", "i-1", "us-west-2a") is None
    assert faults.hit_hook("ValidateService", "i-1", "us-west-2a") == 1
    assert faults.hit_hook("ValidateService", "i-1", "us-west-2a") is None
    assert not faults.has_call_rules
