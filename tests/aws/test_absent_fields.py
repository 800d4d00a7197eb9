"""A field that AWS left out of a response reads as empty; one that AWS does not have is a mistake."""

import copy

import pytest

from runbook_lib.aws.absent_fields import with_absent_fields

INSTANCE = {"DBInstanceIdentifier": "web", "PendingModifiedValues": {"MultiAZ": True}}


@pytest.fixture
def instance():
    return with_absent_fields("rds", "describe_db_instances", {"DBInstances": [INSTANCE]})["DBInstances"][0]


def test_what_aws_sent_is_as_sent(instance):
    assert instance == INSTANCE
    assert copy.deepcopy(instance)["PendingModifiedValues"] == {"MultiAZ": True}


def test_an_absent_field_is_an_empty_value_of_its_type(instance):
    absent = ("DBInstanceStatus", "TagList", "Endpoint", "AllocatedStorage", "MultiAZ", "InstanceCreateTime")
    assert [instance[name] for name in absent] == ["", [], {}, None, None, None]
    assert instance["DBSubnetGroup"]["Subnets"] == []
    assert "Endpoint" not in instance
    assert instance.get("Endpoint") is None


def test_two_objects_together_still_lack_fields(instance):
    now = instance | instance["PendingModifiedValues"]
    assert (now["MultiAZ"], now["EngineVersion"]) == (True, "")


def test_a_misspelt_field_is_an_error(instance):
    with pytest.raises(KeyError, match="DbInstanceStatus"):
        instance["DbInstanceStatus"]
