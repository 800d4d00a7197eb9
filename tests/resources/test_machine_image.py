"""A new Amazon Linux changes nothing until somebody asks for it."""

from dataclasses import replace

import pytest

from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import render_change
from runbook_lib.resources.machine_image import MachineImage
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_compute import template
from tests.resources.test_contract import bring_about, grounds
from tests.support.stack_runs import Time

LATEST = "/aws/service/ami-amazon-linux-latest/al2023-ami"
KEPT = MachineImage(
    name="al2023", parameter=f"{LATEST}-kernel-default-arm64", kept_by="launch_template.web", architecture="arm64"
)
# As if AWS had published another one since.
NEWER = replace(KEPT, parameter=f"{LATEST}-minimal-kernel-default-arm64")


def published(aws, image):
    return aws.client("ssm").get_parameter(Name=image.parameter)["Parameter"]["Value"]


def stack(image):
    return Stack("compute", template=(image, template(image=image)))


@pytest.fixture
def fast(door, journal):
    return Engine(door, journal, clock=Time().clock)


@pytest.fixture
def built(aws, fast):
    bring_about(fast, grounds(*stack(KEPT)))
    bring_about(fast, stack(KEPT))
    assert published(aws, KEPT) != published(aws, NEWER)
    return aws


def test_the_image_in_use_is_kept_and_a_newer_one_is_told(built, fast):
    """Nothing is to do, so no approval goes stale; the plan says what could be asked for."""
    plan = fast.plan(stack(NEWER), refresh=True)
    assert plan.todo == ()
    (line,) = render_change(next(c for c in plan.changes if c.resource == NEWER))
    assert published(built, NEWER) in line
    assert "compute.image" in line
    assert fast.plan(stack(KEPT), refresh=True).fingerprint == plan.fingerprint


def test_who_asks_for_the_newest_gets_it(built, fast):
    wanted = stack(replace(NEWER, kept_by=""))
    (change,) = fast.plan(wanted, refresh=True).todo
    assert change.fields == {"image": (published(built, KEPT), "machine_image.al2023")}
    fast.apply(wanted)
    assert fast.plan(stack(NEWER), refresh=True).todo == ()  # from then on this one is kept
    (template_,) = built.client("ec2").describe_launch_templates()["LaunchTemplates"]
    (version,) = built.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template_["LaunchTemplateId"], Versions=["$Default"]
    )["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"]["ImageId"] == published(built, NEWER)


def test_an_image_of_another_architecture_is_not_kept(built, fast):
    other = replace(KEPT, parameter=f"{LATEST}-kernel-default-x86_64", architecture="x86_64")
    assert [c.key for c in fast.plan(stack(other), refresh=True).todo] == ["launch_template.web"]
