"""A machine image that AWS publishes."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind


@kind
class MachineImage(Resource):
    """The newest image that a public parameter of Systems Manager names; its id is the image's.

    https://docs.aws.amazon.com/linux/al2023/ug/ec2.html (parameters of the AL2023 images)
    """

    parameter: str

    external = True

    def desired(self, ids: Ids) -> dict[str, str]:
        return {}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        found = snapshot.get("ssm", "get_parameter", missing="ParameterNotFound", Name=self.parameter)
        if found is None:
            return None
        parameter = found["Parameter"]
        detail = {"parameter": self.parameter, "version": parameter["Version"]}
        return Observed(parameter["Value"], {}, status="published", detail=detail)

    def create(self, aws: Aws, ids: Ids) -> None:
        raise NotImplementedError

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        raise NotImplementedError
