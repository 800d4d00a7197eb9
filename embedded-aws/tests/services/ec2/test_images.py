"""The images that a stack finds by their public parameters."""

import pytest


@pytest.mark.parametrize(("architecture", "kind"), [("arm64", "t4g.micro"), ("x86_64", "t3.micro")])
def test_amazon_linux_is_there_for_both_architectures(network, architecture, kind):
    """The parameter names an image that can be described and run."""
    image = network.image(architecture)
    (details,) = network.ec2.describe_images(ImageIds=[image])["Images"]
    expected = (architecture, "available", "amazon")
    assert (details["Architecture"], details["State"], details["ImageOwnerAlias"]) == expected
    instance = network.instance(ImageId=image, InstanceType=kind)
    assert (instance["ImageId"], instance["Architecture"]) == (image, architecture)
