"""The servers' access to the secret of the database's master user, for as long as it takes."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import Permission, to_apply, to_destroy
from ..aws.snapshot import Snapshot, tags_of
from ..errors import RequestRejected
from .base import Ids, Observed, kind
from .configuration_parameter import ConfigurationParameter
from .role_policy import RolePolicy

USER_TAG = "database-user"
"""A tag of the application's configuration: the database user that a release has made."""
_WITHDRAWN = "withdrawn"


@kind
class MasterSecretAccess(RolePolicy):
    """Lets servers read the master user's secret until a release has made the application's database user.

    The release withdraws it.  What is withdrawn is as it should be, until the parameters name another user.
    """

    configuration: ConfigurationParameter

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permissions to note which user was made, in a tag of the configuration."""
        on = "ssm:parameter/{env}/{self.configuration.name}"
        tag = to_apply("ssm:AddTagsToResource", on=on), to_destroy("ssm:RemoveTagsFromResource", on=on)
        return (*super().required_permissions(), *tag)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the policy. Once the application's user is made it counts as there, though it is withdrawn."""
        given = super().observe(snapshot, ids)
        if given or self.role not in ids or self._made_user(snapshot) != self.configuration.user:
            return given
        return Observed(f"{ids[self.role]} {snapshot.aws.name(self)}", dict(self.desired(ids)), status=_WITHDRAWN)

    def is_given(self, snapshot: Snapshot, ids: Ids) -> bool:
        """Whether the servers may read the secret now."""
        return super().observe(snapshot, ids) is not None

    def withdraw(self, aws: Aws, ids: Ids) -> None:
        """Take the access away, since the database user is made."""
        name, user = ids[self.configuration], self.configuration.user
        answer = aws.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)
        if tags_of(answer, "TagList").get(USER_TAG) != user:  # else an earlier run has ended between the two writes
            tags = [{"Key": USER_TAG, "Value": user}]
            aws.ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=tags)
        self._delete_policy(aws)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the policy, and forget which user was made."""
        name = self.configuration.aws_name(aws)
        aws.ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=[USER_TAG])
        if observed.status != _WITHDRAWN:
            self._delete_policy(aws)

    def _delete_policy(self, aws: Aws) -> None:
        try:
            aws.iam.delete_role_policy(RoleName=aws.name(self.role), PolicyName=aws.name(self))
        except RequestRejected as error:
            if error.code != "NoSuchEntity":
                raise

    def _made_user(self, snapshot: Snapshot) -> str:
        answer = snapshot.get(
            "ssm", "list_tags_for_resource", missing="InvalidResourceId", ResourceType="Parameter",
            ResourceId=self.configuration.aws_name(snapshot.aws),
        )  # fmt: skip
        return tags_of(answer, "TagList").get(USER_TAG, "") if answer else ""
