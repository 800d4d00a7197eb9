"""An inline policy of a role."""

from __future__ import annotations

import json
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import Permission, to_destroy, to_look
from ..aws.policy_document import normalize
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, Unknown, kind
from .role import ROLES, Role
from .role_details import inline_policy

On = str | tuple[str, Resource]


@kind
class RolePolicy(Resource):
    """Allows a role the listed actions on the listed resources.

    Args:
        actions: E.g. ``("s3:GetObject",)``.
        on: ARNs; where the ARN is known only when its resource exists, a template and the
            resource: ``("{}:*", log_group)``.
        when: Conditions, each as operator, key and value.
    """

    role: Role
    actions: tuple[str, ...]
    on: tuple[On, ...]
    when: tuple[tuple[str, str, str], ...] = ()

    immutable = frozenset({"role"})
    owner_field = "role"
    eventual_errors = frozenset({"NoSuchEntity"})

    needs = (
        to_look("iam:GetRolePolicy", on=ROLES),
        to_destroy("iam:DeleteRolePolicy", on=ROLES),
    )

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permission to write into the role."""
        return (*self.needs, self.role.to_give("iam:PutRolePolicy"))

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the role and what the document allows."""
        return {"role": ids.get(self.role, Unknown(self.role.key)), "allows": _read(self._document(ids))}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the role's inline policy of this name."""
        role, name = ids.get(self.role), snapshot.aws.name(self)
        if role is None:
            return None
        document = inline_policy(snapshot, snapshot.aws.name(self.role), name)
        if document is None:
            return None
        return Observed(f"{role} {name}", {"role": role, "allows": _read(document)})

    def create(self, aws: Aws, ids: Ids) -> None:
        """Write the policy into the role."""
        document = json.dumps(self._document(ids))
        aws.iam.put_role_policy(RoleName=aws.name(self.role), PolicyName=aws.name(self), PolicyDocument=document)

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Write the policy again: the same call replaces it."""
        self.create(aws, ids)  # the same call replaces it

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the policy from the role."""
        aws.iam.delete_role_policy(RoleName=aws.name(self.role), PolicyName=aws.name(self))

    def _document(self, ids: Ids) -> dict[str, Any]:
        arns = [on if isinstance(on, str) else on[0].format(ids.get(on[1], Unknown(on[1].key))) for on in self.on]
        statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(self.actions), "Resource": sorted(arns)}
        for operator, key, value in self.when:
            statement.setdefault("Condition", {}).setdefault(operator, {})[key] = value
        return {"Version": "2012-10-17", "Statement": [statement]}


def _read(document: dict[str, Any] | str) -> dict[str, Any] | str:
    """A policy with one statement in a readable form; any other as JSON."""
    statements = normalize(document)["Statement"]
    if len(statements) != 1 or set(statements[0]) - {"Condition"} != {"Effect", "Action", "Resource"}:
        return json.dumps(document, sort_keys=True)
    (one,) = statements
    shape = {"effect": one["Effect"], "actions": frozenset(one["Action"]), "on": frozenset(one["Resource"])}
    when = {
        operator: {key: values[0] if len(values) == 1 else values for key, values in keys.items()}
        for operator, keys in one.get("Condition", {}).items()
    }
    return shape | ({"when": when} if when else {})
