"""An IAM role for an AWS service."""

from __future__ import annotations

import json
from typing import Any

from ..aws.client import Aws
from ..aws.policy_document import is_same
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, is_owned, kind
from .tagging import Tagging


@kind
class Role(Resource):
    """A role that a service can assume; its id is its ARN.

    Roles have the environment's path.  Their names are unique in the account, whatever the path.

    Args:
        service: E.g. ``ec2.amazonaws.com``.
        policies: ARNs of AWS's managed policies.
    """

    service: str
    policies: tuple[str, ...] = ()

    eventual_errors = frozenset({"NoSuchEntity", "ConcurrentModification"})

    @property
    def trusts(self) -> str:
        """Who can assume it, as a plan shows it."""
        return f"sts:AssumeRole by {self.service}"

    def trust(self, aws: Aws) -> dict[str, Any]:
        """Who can assume it, as a policy document."""
        statement = {"Effect": "Allow", "Principal": {"Service": self.service}, "Action": "sts:AssumeRole"}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def desired(self, ids: Ids) -> dict[str, Any]:
        return {"trust": self.trusts, "policies": frozenset(self.policies)}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        name = snapshot.aws.name(self)
        answer = snapshot.get("iam", "get_role", missing="NoSuchEntity", RoleName=name)
        role = answer["Role"] if answer else None
        if role is None or not is_owned(snapshot, self, role):
            return None
        attached = snapshot.get("iam", "list_attached_role_policies", missing="NoSuchEntity", RoleName=name)
        policies = (attached or {"AttachedPolicies": []})["AttachedPolicies"]
        document = role["AssumeRolePolicyDocument"]
        state = {
            "trust": self.trusts if is_same(document, self.trust(snapshot.aws)) else json.dumps(document),
            "policies": frozenset(policy["PolicyArn"] for policy in policies),
        }
        return Observed(role["Arn"], state, detail={"name": name}, tagging=Tagging.of("iam role", name, role))

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.iam.create_role(
            RoleName=aws.name(self),
            Path=path(aws),
            AssumeRolePolicyDocument=json.dumps(self.trust(aws)),
            Tags=aws.tags(self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        name = aws.name(self)
        if "trust" in drift:
            aws.iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(self.trust(aws)))
        if "policies" in drift:
            for arn in sorted(set(self.policies) - observed.state["policies"]):
                aws.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
            for arn in sorted(observed.state["policies"] - set(self.policies)):
                aws.iam.detach_role_policy(RoleName=name, PolicyArn=arn)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        name = aws.name(self)
        for arn in sorted(observed.state["policies"]):
            aws.iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        aws.iam.delete_role(RoleName=name)


def path(aws: Aws) -> str:
    """The IAM path of the environment's roles and profiles."""
    return f"/runbook/{aws.env}/"
