"""The steps to a baked image, one observation after the other, on an account that is a list of images and instances."""

from itertools import count

import pytest

from runbook_lib.resources.base import drift_of
from tests.resources.cases_compute import baked, image, profile
from tests.resources.cases_network import A, private, web

MADE = baked()
IDS = {image: "ami-base", private[A]: "subnet-1", web: "sg-1", profile: "arn:profile"}


class Account:
    """What EC2 has; `power_off` and `finish` are what it does by itself."""

    OWNER, ENV, KEY, env = "runbook:owner", "runbook:env", "runbook:key", "test"

    def __init__(self):
        self.images, self.instances, self.deregistered, self.number = [], [], [], count(1)
        self.ec2, self.aws = self, self

    # The library's client.
    def name(self, resource):
        return f"test-{resource.name}"

    def token(self, *parts):
        return "token"

    def filters(self):
        return []

    def tag_spec(self, kind, resource):
        return [{"ResourceType": kind, "Tags": [{"Key": self.KEY, "Value": resource.key}]}]

    # A snapshot of it.
    def all(self, service, operation, field, **request):
        assert (service, operation, request["Owners"]) == ("ec2", "describe_images", ["self"])
        return list(self.images)

    def tagged_with_env(self, operation, field):
        assert operation == "describe_instances"
        return [{"Instances": list(self.instances)}]

    # EC2.
    def run_instances(self, **request):
        assert request["InstanceInitiatedShutdownBehavior"] == "stop"
        assert (request["ImageId"], request["UserData"]) == (IDS[image], MADE.recipe)
        tags = request["TagSpecifications"][0]["Tags"]
        self.instances.append({"InstanceId": f"i-{next(self.number)}", "State": {"Name": "running"}, "Tags": tags})

    def create_image(self, **request):
        of_image, of_snapshot = request["TagSpecifications"]
        assert of_image["Tags"] == of_snapshot["Tags"]
        made = next(self.number)
        name = f"ami-{made}"
        date = f"2026-01-{made:02}"
        self.images.append({"ImageId": name, "State": "pending", "CreationDate": date, "Tags": of_image["Tags"]})

    def deregister_image(self, **request):
        assert request["DeleteAssociatedSnapshots"]
        self.images = [one for one in self.images if one["ImageId"] != request["ImageId"]]
        self.deregistered.append(request["ImageId"])

    def terminate_instances(self, **request):
        for one in self.instances:
            if one["InstanceId"] in request["InstanceIds"]:
                one["State"] = {"Name": "shutting-down"}

    def observe(self):
        return MADE.observe(self, IDS)

    def act(self):
        """What the engine does with an observation; the step that was taken."""
        found = self.observe()
        if found is None:
            MADE.create(self, IDS)
            return "create"
        drift = drift_of(found, MADE.desired(IDS))
        if drift and found.ready:
            MADE.update(self, IDS, found, drift)
            return found.step
        return "wait" if drift else "done"

    def make(self):
        """Everything to the end; the steps."""
        steps = [self.act()]
        while steps[-1] != "done":
            if steps[-1] == "wait":
                for one in self.instances:
                    if one["State"]["Name"] == "running":
                        one["State"] = {"Name": "stopped"}
                for one in self.images:
                    one["State"] = "available"
            steps.append(self.act())
        return steps


@pytest.fixture
def account():
    return Account()


def test_an_instance_installs_powers_off_is_imaged_and_goes(account):
    assert account.make() == ["create", "wait", "image", "wait", "clean", "done"]
    found = account.observe()
    assert (found.id, found.ready, found.status) == ("ami-2", True, "image available")
    assert [one["State"]["Name"] for one in account.instances] == ["shutting-down"]


def test_until_it_is_there_nobody_launches_the_old_one(account):
    """Its id is none of an image, so a plan shows that the template changes; a new base begins anew."""
    account.make()
    before = dict(IDS)
    try:
        IDS[image] = "ami-newer"
        found = account.observe()
        assert (found.id, found.state["base"], found.step) == ("not made yet", "ami-base", "build")
        assert drift_of(found, MADE.desired(IDS)) == {"base", "kept"}
        assert account.make() == ["build", "wait", "image", "wait", "clean", "done"]
        assert account.observe().id == "ami-4"
        IDS[image] = "ami-base"  # back: the image of it is still there
        assert account.observe().id == "ami-2"
    finally:
        IDS.update(before)


def test_three_are_kept(account):
    before = dict(IDS)
    try:
        for number in range(5):
            IDS[image] = f"ami-base-{number}"
            account.make()
    finally:
        IDS.update(before)
    assert [one["ImageId"] for one in account.images] == ["ami-6", "ami-8", "ami-10"]
    assert account.deregistered == ["ami-2", "ami-4"]


def test_what_is_left_of_it_is_deleted_and_waited_for(account, monkeypatch):
    account.make()
    monkeypatch.setattr("runbook_lib.resources.baked_image.Snapshot", lambda aws: account)
    MADE.delete(account, IDS, account.observe())
    assert account.images == []
    found = account.observe()
    assert (found.deleting, found.status) == (True, "shutting-down")
    account.instances = []
    assert account.observe() is None
