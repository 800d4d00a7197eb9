"""An image that the runbook makes itself: from the newest base, rolled out by the template, the last three kept."""

from dataclasses import replace

import pytest

from embedded_aws.testing import eventually
from runbook_lib.engine.approval import is_covered
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_compute import baked, image, template
from tests.resources.test_contract import bring_about, grounds
from tests.resources.test_machine_image import LATEST
from tests.support.stack_runs import Time

NEWER = replace(image, parameter=f"{LATEST}-minimal-kernel-default-arm64")


def stack(made, base=image):
    return Stack("compute", template=(base, made, template(image=made)))


@pytest.fixture
def fast(door, journal):
    return Engine(door, journal, clock=Time(factor=1).clock)


def images(aws):
    found = aws.client("ec2").describe_images(Owners=["self"])["Images"]
    return sorted(found, key=lambda one: one["CreationDate"])


def instances(aws):
    reservations = aws.client("ec2").describe_instances()["Reservations"]
    return [i for r in reservations for i in r["Instances"] if i["State"]["Name"] != "terminated"]


def snapshots(aws):
    return {one["SnapshotId"] for one in aws.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]}


def test_the_template_gets_it_and_follows_a_newer_base(aws, fast):
    """Both are lines of the plan; the instance that made it is gone, and every image names its base."""
    bring_about(fast, grounds(*stack(baked())))
    plan = fast.plan(stack(baked()), refresh=True)
    assert [(c.key, c.action) for c in plan.todo] == [
        ("baked_image.web", Action.CREATE), ("launch_template.web", Action.CREATE),
    ]  # fmt: skip
    fast.apply(stack(baked()))
    assert fast.plan(stack(baked()), refresh=True).todo == ()
    (first,) = images(aws)
    ec2 = aws.client("ec2")
    version = ec2.describe_launch_template_versions(LaunchTemplateName="test-web")["LaunchTemplateVersions"][0]
    assert version["LaunchTemplateData"]["ImageId"] == first["ImageId"]
    eventually(lambda: not instances(aws))
    base = aws.client("ssm").get_parameter(Name=image.parameter)["Parameter"]["Value"]
    tags = {tag["Key"]: tag["Value"] for tag in first["Tags"]}
    assert (tags["runbook:base"], tags["runbook:env"], first["State"]) == (base, "test", "available")
    (snapshot,) = ec2.describe_snapshots(SnapshotIds=[first["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]])[
        "Snapshots"
    ]
    assert {"Key": "runbook:key", "Value": "baked_image.web"} in snapshot["Tags"]

    newer = stack(baked(base=NEWER), NEWER)
    changes = {c.key: c.fields for c in fast.plan(newer, refresh=True).todo}
    assert changes["launch_template.web"] == {"image": (first["ImageId"], "baked_image.web")}
    assert changes["baked_image.web"]["base"] == (base, "machine_image.al2023")
    approved = {change.key: change.as_dict() for change in fast.plan(newer, refresh=True).todo}
    asked = []
    fast.apply(newer, require_approval=asked.append)
    assert {change.key for change in asked} == set(approved)
    assert all(is_covered(approved[change.key], change) for change in asked)  # every step of it
    assert fast.plan(newer, refresh=True).todo == ()
    assert len(images(aws)) == 2


def test_the_last_three_are_kept_and_a_destroy_leaves_none(aws, fast):
    """Older ones go with their snapshots."""
    bring_about(fast, grounds(baked()))
    before = snapshots(aws)
    for number in range(4):
        fast.apply(Stack("s", it=baked(recipe=f"{baked().recipe}# {number}\n")))
    kept = images(aws)
    assert len(kept) == 3
    assert snapshots(aws) - before == {one["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] for one in kept}
    fast.destroy(Stack("s", it=baked()))
    assert (images(aws), snapshots(aws)) == ([], before)
    eventually(lambda: not instances(aws))


def test_who_keeps_the_image_in_use_keeps_none_of_ours(aws, fast):
    """`compute.image: null` after `baked`: ours leaves the account, so the template must not stay with it."""
    bring_about(fast, grounds(*stack(baked())))
    fast.apply(stack(baked()))
    kept = replace(image, kept_by="launch_template.web", architecture="arm64")
    base = aws.client("ssm").get_parameter(Name=image.parameter)["Parameter"]["Value"]
    assert fast.survey([kept], refresh=True)[kept].id == base
