"""A CodeDeploy application: the name under which revisions are deployed."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .tagging import Tagging

_ON = "codedeploy:application:{env}-{self.name}"


@kind
class Application(Resource):
    """An application for EC2 instances; CodeDeploy deletes it together with the history of its revisions."""

    # The service authorization reference lists ListApplications without a resource.
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodedeploy.html
    needs = (
        to_look("codedeploy:ListApplications"),
        to_look("codedeploy:ListTagsForResource", on=_ON),
        to_apply("codedeploy:CreateApplication", "codedeploy:TagResource", on=_ON),
        to_destroy("codedeploy:DeleteApplication", on=_ON),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the application up by its name; CodeDeploy's list has nothing else."""
        name = snapshot.aws.name(self)
        # This list contains names only.
        if name not in map(str, snapshot.all("codedeploy", "list_applications", "applications")):
            return None
        arn = f"arn:aws:codedeploy:{snapshot.aws.region}:{snapshot.aws.account}:application:{name}"
        tags = read_tags(snapshot, arn)
        is_owned(snapshot, self, tags)
        return Observed(name, {}, tagging=Tagging.of("codedeploy", arn, tags))

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create an application of CodeDeploy for servers."""
        aws.codedeploy.create_application(applicationName=aws.name(self), computePlatform="Server", tags=aws.tags(self))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the application, with the history of its deployments."""
        aws.codedeploy.delete_application(applicationName=observed.id)


def read_tags(snapshot: Snapshot, arn: str) -> ApiObject | None:
    """The tags of an application or deployment group; ``None`` when it is gone.  CodeDeploy's lists lack them."""
    gone = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")
    return snapshot.get("codedeploy", "list_tags_for_resource", missing=gone, ResourceArn=arn)
