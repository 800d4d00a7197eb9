"""A machine image that AWS publishes."""

from __future__ import annotations

from ..aws.snapshot import Snapshot
from .base import ExternalResource, Ids, Observed, kind


@kind
class MachineImage(ExternalResource):
    """The newest image, from a public parameter of Systems Manager; its id is the image's.

    https://docs.aws.amazon.com/linux/al2023/ug/ec2.html (parameters of the AL2023 images)
    """

    parameter: str

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        response = snapshot.get("ssm", "get_parameter", missing="ParameterNotFound", Name=self.parameter)
        if response is None:
            return None
        parameter = response["Parameter"]
        detail = {"parameter": self.parameter, "version": parameter["Version"]}
        return Observed(parameter["Value"], {}, status="published", detail=detail)
