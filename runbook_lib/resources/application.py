"""A CodeDeploy application: the name under which revisions are deployed."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.snapshot import Snapshot, tags_of
from .base import Ids, Observed, Resource, kind


@kind
class Application(Resource):
    """An application for EC2 instances; CodeDeploy removes it together with its revisions' history."""

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        name = snapshot.aws.name(self)
        # Unlike other lists, this one is of bare names.
        if name not in map(str, snapshot.all("codedeploy", "list_applications", "applications")):
            return None
        arn = f"arn:aws:codedeploy:{snapshot.aws.region}:{snapshot.aws.account}:application:{name}"
        own(snapshot, self, arn)
        return Observed(name, {})

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.codedeploy.create_application(applicationName=aws.name(self), computePlatform="Server", tags=aws.tags(self))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.codedeploy.delete_application(applicationName=observed.id)


def own(snapshot: Snapshot, resource: Resource, arn: str) -> None:
    """Stop unless what has the resource's name also carries its tags, which CodeDeploy tells one at a time."""
    gone = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")
    answer = snapshot.get("codedeploy", "list_tags_for_resource", missing=gone, ResourceArn=arn)
    if answer is not None:
        snapshot.require_ownership(resource, tags_of(answer))
