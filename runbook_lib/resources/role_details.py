"""Roles of IAM as a survey reads them: all of the account in one call, where the caller may ask that.

Otherwise each role, and each of its policies, costs a call of its own.  A role that the one call does not list is asked
for by name: IAM may list it a moment later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..aws.snapshot import ApiObject, Snapshot

_MISSING = "NoSuchEntity"
_DENIED = ("AccessDenied", "AccessDeniedException")


def read_role(snapshot: Snapshot, name: str) -> ApiObject | None:
    """Return a role with its trust and tags; the boundary is only in :func:`read_boundary`."""
    if role := _listed(snapshot).get(name):
        return role
    answer = snapshot.get("iam", "get_role", missing=_MISSING, RoleName=name)
    return answer["Role"] if answer is not None else None


def read_boundary(snapshot: Snapshot, name: str) -> str | None:
    """Return the ARN of a role's permissions boundary, which IAM does not list.

    https://github.com/awsdocs/iam-user-guide/issues/81
    """
    answer = snapshot.get("iam", "get_role", missing=_MISSING, RoleName=name)
    return answer["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") if answer is not None else None


def attached_policies(snapshot: Snapshot, name: str) -> list[str]:
    """Return the ARNs of the managed policies of a role."""
    if role := _listed(snapshot).get(name):
        return [policy["PolicyArn"] for policy in role["AttachedManagedPolicies"]]
    answer = snapshot.get("iam", "list_attached_role_policies", missing=_MISSING, RoleName=name)
    return [policy["PolicyArn"] for policy in answer["AttachedPolicies"]] if answer is not None else []


def inline_policies(snapshot: Snapshot, name: str) -> list[str]:
    """Return the names of the inline policies of a role."""
    if role := _listed(snapshot).get(name):
        return [policy["PolicyName"] for policy in role["RolePolicyList"]]
    answer = snapshot.get("iam", "list_role_policies", missing=_MISSING, RoleName=name)
    return list(answer["PolicyNames"]) if answer is not None else []


def inline_policy(snapshot: Snapshot, name: str, policy: str) -> Any:
    """Return the document of an inline policy of a role; ``None`` where there is none of that name."""
    if role := _listed(snapshot).get(name):
        return next((one["PolicyDocument"] for one in role["RolePolicyList"] if one["PolicyName"] == policy), None)
    answer = snapshot.get("iam", "get_role_policy", missing=_MISSING, RoleName=name, PolicyName=policy)
    return answer["PolicyDocument"] if answer is not None else None


def roles_named(snapshot: Snapshot, prefix: str) -> Iterator[ApiObject]:
    """Return the roles of the account whose names begin with *prefix*, with their tags."""
    if roles := _all(snapshot):
        yield from (role for role in roles if role["RoleName"].startswith(prefix))
        return
    for role in snapshot.all("iam", "list_roles", "Roles"):
        if role["RoleName"].startswith(prefix):
            tags = snapshot.get("iam", "list_role_tags", missing=_MISSING, RoleName=role["RoleName"])
            yield {**role, "Tags": tags["Tags"] if tags is not None else []}


def _listed(snapshot: Snapshot) -> dict[str, ApiObject]:
    """The roles by name, in a survey: whoever looks at one thing only needs no list of the account."""
    return {role["RoleName"]: role for role in _all(snapshot)} if snapshot.is_survey else {}


def _all(snapshot: Snapshot) -> list[ApiObject]:
    """All roles of the account; empty where the caller may not list them so.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html (1,000 at most a page)
    """
    roles: list[ApiObject] = []
    where: dict[str, str] = {}
    while answer := snapshot.get(
        "iam", "get_account_authorization_details", missing=_DENIED, Filter=["Role"], MaxItems=1000, **where
    ):
        roles += answer["RoleDetailList"]
        if not answer["IsTruncated"]:
            return roles
        where = {"Marker": answer["Marker"]}
    return []
