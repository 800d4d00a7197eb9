"""A machine image that AWS publishes."""

from __future__ import annotations

from ..aws.permissions import Permission, to_look
from ..aws.snapshot import Snapshot, tags_of
from .base import ExternalResource, Ids, Observed, kind
from .template_versions import find_versions

NO_IMAGE = ("InvalidAMIID.NotFound", "InvalidAMIID.Unavailable")


@kind
class MachineImage(ExternalResource):
    """The image in use, or the newest that AWS publishes; its id is the image's.

    AWS publishes a new image every few weeks, in a public parameter of Systems Manager.
    https://docs.aws.amazon.com/linux/al2023/ug/ec2.html (parameters of the AL2023 images)

    Args:
        kept_by: The key of a launch template: while it has an image of this architecture, that one
            is kept.  Empty for the newest.
        architecture: As EC2 calls it, ``arm64`` or ``x86_64``.
    """

    parameter: str
    kept_by: str = ""
    architecture: str = ""

    # AWS's own parameters have no account: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html
    needs = (to_look("ssm:GetParameter", on="arn:{partition}:ssm:{region}:*:parameter{self.parameter}", label="image"),)

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permissions to find the image in use, where it is to be kept."""
        kept = to_look("ec2:DescribeImages", "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates")
        return (*self.needs, kept) if self.kept_by else self.needs

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Return the image in use, or the newest that AWS has published; a note says when both differ."""
        response = snapshot.get("ssm", "get_parameter", missing="ParameterNotFound", Name=self.parameter)
        if response is None:
            return None
        parameter = response["Parameter"]
        newest, detail = parameter["Value"], {"parameter": self.parameter, "version": parameter["Version"]}
        kept = self._kept(snapshot)
        if kept in (None, newest):
            return Observed(newest, {}, status="published", detail=detail)
        note = f"in use; AWS has published a newer one, {newest}: to take it, set compute.image to newest"
        return Observed(str(kept), {}, status="in use", note=note, detail={**detail, "newest": newest})

    def _kept(self, snapshot: Snapshot) -> str | None:
        """The template's image; ``None`` when it has none that can be launched on this architecture."""
        versions = find_versions(snapshot, self.kept_by) if self.kept_by else None
        image_id = versions.default.state["image"] if versions else None
        if not image_id:
            return None
        # AWS deprecates an image after 90 days.  It can still be launched, and is listed only on request.
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html
        answer = snapshot.get("ec2", "describe_images", missing=NO_IMAGE, ImageIds=[image_id], IncludeDeprecated=True)
        images = (answer or {}).get("Images", [])
        usable = [
            image
            for image in images
            # What the runbook itself has made leaves the account with its parameter.
            if image["State"] == "available"
            and image["Architecture"] == self.architecture
            and snapshot.aws.KEY not in tags_of(image)
        ]
        return str(image_id) if usable else None
