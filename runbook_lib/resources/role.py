"""An IAM role for an AWS service."""

from __future__ import annotations

import json
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import Condition, Permission, to_apply, to_change, to_destroy, to_look
from ..aws.policy_document import is_same
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .role_details import attached_policies, inline_policies, read_boundary, read_role
from .tagging import Tagging

ROLES = "iam:role/runbook/{env}/*"
"""The roles of an environment, in a permission: they have its path.

IAM does not know the path of a role that does not exist, so what is read by name is allowed without it, too.
"""


@kind
class Role(Resource):
    """A role that a service can assume; its id is its ARN.

    Roles have the environment's path.  Their names are unique in the account, whatever the path.

    Args:
        service: E.g. ``ec2.amazonaws.com``.
        source: The ARN of the resource for which the service assumes the role, with wildcards where it is not known;
            the trust is limited to it and to its account.  Empty for EC2, which does not send it, and Lambda.
            https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
        policies: ARNs of AWS's managed policies.
        inline_policies: Names of the ``RolePolicy`` resources that belong to it.
        boundary: The ARN of its permissions boundary.  Without one, a boundary that somebody set is left as it is:
            taking it away would give the role more.
            https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """

    service: str
    source: str = ""
    policies: tuple[str, ...] = ()
    inline_policies: tuple[str, ...] = ()
    boundary: str | None = None

    # IAM may not know the role everywhere yet; a policy that does not exist is a mistake: its words are others.
    eventual_errors = frozenset({"NoSuchEntity: The role with name", "ConcurrentModification"})

    needs = (
        to_look("iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", on=(ROLES, "iam:role/{env}-*")),
        to_look("iam:GetAccountAuthorizationDetails"),
        to_apply("iam:PassRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy", on=ROLES),
        to_change("iam:DeleteRolePolicy", "iam:DetachRolePolicy", on=ROLES),
        to_destroy("iam:DeleteRole", on=ROLES),
    )

    def required_permissions(self) -> tuple[Permission, ...]:
        """Only the managed policies that it has may be attached."""
        boundary = ("iam:PutRolePermissionsBoundary",) if self.boundary else ()
        attached = (("ArnEquals", "iam:PolicyARN", arn) for arn in self.policies)
        attach = (self.to_give("iam:AttachRolePolicy", when=(one,), label="attach") for one in attached)
        return (*self.needs, self.to_give("iam:CreateRole", *boundary), *attach)

    def to_give(self, *actions: str, when: tuple[Condition, ...] = (), label: str = "") -> Permission:
        """Declare what gives a role something: with a boundary, only roles that have it may be given anything.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_identityandaccessmanagementiam.html
        (the condition key iam:PermissionsBoundary)
        """
        if self.boundary:
            when, label = (*when, ("ArnEquals", "iam:PermissionsBoundary", self.boundary)), label or "bounded"
        return to_apply(*actions, on=ROLES, when=when, label=label)

    @property
    def trusts(self) -> str:
        """Who can assume it, as a plan shows it."""
        return f"sts:AssumeRole by {self.service}" + (f" for {self.source}" if self.source else "")

    def trust(self, aws: Aws) -> dict[str, Any]:
        """Who can assume it, as a policy document."""
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": self.service},
            "Action": "sts:AssumeRole",
        }
        if self.source:
            statement["Condition"] = {
                "StringEquals": {"aws:SourceAccount": self.source.split(":")[4]},
                "ArnLike": {"aws:SourceArn": self.source},
            }
        return {"Version": "2012-10-17", "Statement": [statement]}

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare trust, attached policies and boundary; the stack's inline policies are resources of their own."""
        # The inline policies of the stack are resources of their own; any other is drift, as is a managed policy
        # that somebody attached.
        bounded = {"boundary": self.boundary} if self.boundary else {}
        return {"trust": self.trusts, "policies": frozenset(self.policies), **bounded}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the role up by its name, with its policies; an inline policy of no stack counts as one of them."""
        name = snapshot.aws.name(self)
        role = read_role(snapshot, name)
        if role is None or not is_owned(snapshot, self, role):
            return None
        document = role["AssumeRolePolicyDocument"]
        state = {
            "trust": self.trusts if is_same(document, self.trust(snapshot.aws)) else json.dumps(document),
            "policies": frozenset((*attached_policies(snapshot, name), *self._undeclared(snapshot))),
            **({"boundary": read_boundary(snapshot, name)} if self.boundary else {}),
        }
        return Observed(role["Arn"], state, detail={"name": name}, tagging=Tagging.of("iam role", name, role))

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the role with its trust and boundary; an update attaches policies."""
        aws.iam.create_role(
            RoleName=aws.name(self),
            Path=path(aws),
            AssumeRolePolicyDocument=json.dumps(self.trust(aws)),
            Tags=aws.tags(self),
            **({"PermissionsBoundary": self.boundary} if self.boundary else {}),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set boundary, trust and policies, in this order: without the boundary, nothing may be given."""
        name = aws.name(self)
        if "boundary" in drift:  # first: only with it may the role be given anything
            aws.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=self.boundary)
        if "trust" in drift:
            aws.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(self.trust(aws)))
        if "policies" in drift:
            for arn in sorted(set(self.policies) - observed.state["policies"]):
                aws.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
            self._remove(aws, observed.state["policies"] - set(self.policies))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Remove what is attached, and delete the role."""
        self._remove(aws, observed.state["policies"])
        aws.iam.delete_role(RoleName=aws.name(self))

    def _undeclared(self, snapshot: Snapshot) -> list[str]:
        """The names of inline policies that no resource of the stack describes."""
        aws = snapshot.aws
        declared = {f"{aws.env}-{name}" for name in self.inline_policies}
        return [name for name in inline_policies(snapshot, aws.name(self)) if name not in declared]

    def _remove(self, aws: Aws, policies: frozenset[str]) -> None:
        """Detach managed policies, which are ARNs, and delete inline policies, whose names have no colon."""
        for policy in sorted(policies):
            if ":" in policy:
                aws.iam.detach_role_policy(RoleName=aws.name(self), PolicyArn=policy)
            else:
                aws.iam.delete_role_policy(RoleName=aws.name(self), PolicyName=policy)


def path(aws: Aws) -> str:
    """The IAM path of the environment's roles and profiles."""
    return f"/runbook/{aws.env}/"
