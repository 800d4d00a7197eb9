"""The images that a stack asks for by the names of their public parameters."""

import pytest


@pytest.mark.parametrize(("architecture", "kind"), [("arm64", "t4g.micro"), ("x86_64", "t3.micro")])
def test_amazon_linux_is_there_for_both_architectures(network, architecture, kind):
    """The parameter names an image that can be described and run."""
    image = network.image(architecture)
    (found,) = network.ec2.describe_images(ImageIds=[image])["Images"]
    assert (found["Architecture"], found["State"], found["ImageOwnerAlias"]) == (architecture, "available", "amazon")
    instance = network.instance(ImageId=image, InstanceType=kind)
    assert (instance["ImageId"], instance["Architecture"]) == (image, architecture)
