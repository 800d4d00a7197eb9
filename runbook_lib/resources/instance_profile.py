"""An instance profile, which gives a role to instances."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_change, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .role import Role, path
from .tagging import Tagging

_ON = "iam:instance-profile/runbook/{env}/*"


@kind
class InstanceProfile(Resource):
    """A profile with one role; its id is its ARN."""

    role: Role

    # A role that was just removed may still count; how many profiles an account may have is another limit.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    eventual_errors = frozenset({"NoSuchEntity", "LimitExceeded: InstanceSessionsPerInstanceProfile"})

    needs = (
        to_look("iam:GetInstanceProfile", on=(_ON, "iam:instance-profile/{env}-*")),  # no path while there is none
        to_apply("iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:TagInstanceProfile", on=_ON),
        to_change("iam:RemoveRoleFromInstanceProfile", on=_ON),
        to_destroy("iam:DeleteInstanceProfile", on=_ON),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the profile up by its name, with the role in it."""
        name = snapshot.aws.name(self)
        answer = snapshot.get("iam", "get_instance_profile", missing="NoSuchEntity", InstanceProfileName=name)
        profile = answer["InstanceProfile"] if answer else None
        if profile is None or not is_owned(snapshot, self, profile):
            return None
        role = profile["Roles"][0]["Arn"] if profile["Roles"] else None
        return Observed(
            profile["Arn"],
            {"role": role},
            detail={"name": name, "_roles": _names(profile)},
            tagging=Tagging.of("iam instance profile", name, profile),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create an empty profile; an update puts the role in."""
        aws.iam.create_instance_profile(InstanceProfileName=aws.name(self), Path=path(aws), Tags=aws.tags(self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Take any other role out, and put ours in: a profile holds one."""
        self._empty(aws, observed)
        aws.iam.add_role_to_instance_profile(InstanceProfileName=aws.name(self), RoleName=aws.name(self.role))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Take the role out, and delete the profile."""
        self._empty(aws, observed)
        aws.iam.delete_instance_profile(InstanceProfileName=aws.name(self))

    def _empty(self, aws: Aws, observed: Observed) -> None:
        for role in observed.detail["_roles"]:
            aws.iam.remove_role_from_instance_profile(InstanceProfileName=aws.name(self), RoleName=role)


def _names(profile: dict[str, list[dict[str, str]]]) -> list[str]:
    return [role["RoleName"] for role in profile["Roles"]]
