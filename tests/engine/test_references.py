"""A plan names resources by key: an id would read differently before and after its apply."""

from __future__ import annotations

import pytest

from runbook_lib.engine.references import Keys, placeholders, to_json
from runbook_lib.resources.base import Observed
from tests.support.fake_kinds import Thing

VPC, GROUP = "vpc-0a1b2c3d4e5f67890", "sg-0123456789abcdef0"
ROLE = "arn:aws:iam::123456789012:role/prod-web"
NAMES = {VPC: "vpc.main", GROUP: "security_group.web", ROLE: "role.web", "prod-web": "load_balancer.web", "8": "port.a"}


def test_every_resource_has_its_key_in_place_of_an_id():
    """Also what does not exist; so there is no list of them."""
    keys = Keys()
    assert keys[Thing(name="a")] == "thing.a"
    assert (len(keys), list(keys), dict(keys)) == (0, [], {})
    assert Thing(name="b", on=(Thing(name="a"),), beside=Thing(name="c")).desired(keys) == {
        "size": 1, "shape": "round", "on": frozenset({"thing.a"}), "beside": "thing.c",
    }  # fmt: skip


class Text:
    def __str__(self):
        return VPC


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (VPC, "vpc.main"),
        ("prod-web", "load_balancer.web"),
        ("", ""),
        (1, 1),
        (1.5, 1.5),
        (True, True),
        (False, False),
        (None, None),
        (8, 8),
        ([VPC, "b"], ["vpc.main", "b"]),
        ((VPC, ["b", VPC]), ["vpc.main", ["b", "vpc.main"]]),
        ({GROUP, "b", VPC}, ["b", "security_group.web", "vpc.main"]),
        (frozenset({VPC, "a"}), ["a", "vpc.main"]),
        (frozenset({10, "9", None}), [10, "9", None]),
        ({"id": VPC, 443: (VPC,)}, {"id": "vpc.main", "443": ["vpc.main"]}),
        (Text(), "vpc.main"),
    ],
)
def test_a_value_as_json(value, found):
    given = to_json(value, NAMES)
    assert given == found
    assert type(given) is type(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{ROLE} in {VPC}", "role.web in vpc.main"),
        (f"{VPC},{VPC};{GROUP}", "vpc.main,vpc.main;security_group.web"),
        (f"({VPC})/{GROUP}.", "(vpc.main)/security_group.web."),
        (f"x{VPC} {VPC}x", f"x{VPC} {VPC}x"),
        (f"x-{VPC} {VPC}-x", f"x-{VPC} {VPC}-x"),
        (f"{ROLE}-2", f"{ROLE}-2"),
        ("the name prod-web of 8", "the name prod-web of 8"),
        ("nothing of ours", "nothing of ours"),
    ],
)
def test_within_a_text_only_whole_ids_that_are_unique(text, found):
    """Names are not: the text may mean something else."""
    assert to_json(text, NAMES) == found


@pytest.mark.parametrize(
    ("id_", "is_unique"),
    [
        ("vpc-0a1b2c3d", True),
        ("vpc-0a1b2c3", False),
        ("vpce-svc-0a1b2c3d4e5f67890", True),
        ("arn:aws:s3:::bucket", True),
        ("arn:", False),
        ("x arn:aws:s3:::bucket", False),
        ("Vpc-0a1b2c3d", False),
        ("vpc-0A1B2C3D", False),
        ("vpc-0a1b2c3d-x", False),
        ("-0a1b2c3d", False),
        ("0a1b2c3d", False),
    ],
)
def test_what_aws_makes_up_is_unique(id_, is_unique):
    assert to_json(f"see {id_}!", {id_: "thing.a"}) == ("see thing.a!" if is_unique else f"see {id_}!")


def test_the_longest_of_several_ids_counts():
    """One ARN may be the beginning of another, and be followed by what ends a word."""
    names = {"arn:a": "thing.a", "arn:a:b": "thing.b", "arn:a:b:c": "thing.c"}
    assert to_json("arn:a:b:c arn:a:b arn:a arn:a:x", names) == "thing.c thing.b thing.a thing.a:x"
    assert to_json("see arn:a:b:c", dict(reversed(names.items()))) == "see thing.c"


def test_of_two_with_one_id_what_the_resource_needs_wins():
    """An id that is a name is not unique across AWS's services."""
    near, far = Thing(name="near"), Thing(name="far")
    middle = Thing(name="middle", on=(near,))
    top = Thing(name="top", on=(middle,))
    for one, other in ((near, far), (far, near)):
        state = {one: Observed("web", {}), top: Observed("top", {}), other: Observed("web", {}), middle: None}
        assert placeholders(top, state) == {"web": "thing.near"}
    state = {far: Observed("web", {}), near: Observed("db", {}), middle: Observed("m", {}, deleting=True)}
    assert placeholders(top, state) == {"web": "thing.far", "db": "thing.near", "m": "thing.middle"}
