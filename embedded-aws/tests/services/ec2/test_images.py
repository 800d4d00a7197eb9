"""Images that an account makes itself."""

import pytest
from botocore.exceptions import ClientError

from embedded_aws.testing import eventually

POWERS_OFF = "#cloud-config\nruncmd: [[true]]\npower_state:\n  mode: poweroff\n"


class Images:
    def __init__(self, aws):
        self.aws, self.ec2 = aws, aws.client("ec2")
        self.base = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def launch(self, user_data=""):
        sent = {"UserData": user_data} if user_data else {}
        made = self.ec2.run_instances(ImageId=self.base, InstanceType="t3.micro", MinCount=1, MaxCount=1, **sent)
        return made["Instances"][0]["InstanceId"]

    def state(self, instance):
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return found["State"]["Name"]

    def image(self, image):
        return self.ec2.describe_images(ImageIds=[image])["Images"][0]


@pytest.fixture
def images(aws):
    return Images(aws)


def test_an_image_and_its_snapshot_have_their_tags_and_go_together(images):
    ec2, tags = images.ec2, [{"Key": "a", "Value": "1"}]
    specs = [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
    instance = images.launch()
    made = ec2.create_image(InstanceId=instance, Name="one", TagSpecifications=specs)["ImageId"]
    found = images.image(made)
    (mapping,) = found["BlockDeviceMappings"]
    assert (found["Tags"], found["RootDeviceName"], mapping["DeviceName"]) == (tags, "/dev/xvda", "/dev/xvda")
    snapshot = mapping["Ebs"]["SnapshotId"]
    assert ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Tags"] == tags
    with pytest.raises(ClientError, match=r"InvalidAMIName\.Duplicate"):
        ec2.create_image(InstanceId=instance, Name="one")
    ec2.deregister_image(ImageId=made, DeleteAssociatedSnapshots=True)
    assert snapshot not in {one["SnapshotId"] for one in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}


def test_an_image_is_pending_at_first(images):
    instance = images.launch()
    images.aws.control("pace", "0.01")
    try:
        made = images.ec2.create_image(InstanceId=instance, Name="one")["ImageId"]
        assert images.image(made)["State"] == "pending"
        eventually(lambda: images.image(made)["State"] == "available")
    finally:
        images.aws.control("pace", "0")


def test_an_instance_powers_off_where_its_user_data_says_so(images):
    """Once: started again, it stays on."""
    plain, other = images.launch("#cloud-config\n"), images.launch(POWERS_OFF)
    eventually(lambda: images.state(other) == "stopped")
    images.ec2.start_instances(InstanceIds=[other])
    assert [images.state(one) for one in (plain, other)] == ["running"] * 2
