"""The role of a GitHub workflow: it can deploy another revision, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..aws.permissions import join_statements
from ..params import Params
from ..resources.base import Resource
from ..resources.federated_role import FederatedRole
from ..resources.open_id_connect_provider import OpenIdConnectProvider
from ..resources.role_policy import RolePolicy
from .run_permissions import deploy_permissions

# https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
_ISSUER, _AUDIENCE = "token.actions.githubusercontent.com", "sts.amazonaws.com"


def github(params: Params, others: Iterable[Resource], revision: Iterable[Resource]) -> tuple[Resource, ...]:
    """The provider, the role and its policies; empty when the parameters name no repository.

    Each policy has one statement of those that ``runbook permissions --verb deploy`` prints.

    Args:
        others: All other resources that a deployment looks at.
        revision: Those of them that it creates or updates.
    """
    if params.github is None:
        return ()
    provider = OpenIdConnectProvider(name="github", issuer=_ISSUER, audience=_AUDIENCE)
    repository, environments = params.github.repository, params.github.environments
    subjects = tuple(f"repo:{repository}:environment:{each}" for each in environments)
    role = FederatedRole(
        name="github-deploy", provider=provider, subjects=subjects, boundary=params.permissions_boundary
    )
    statements = join_statements(deploy_permissions(params, (*others, provider, role), revision))
    role = replace(role, inline_policies=tuple(f"github-{statement.name}" for statement in statements))
    policies = (
        RolePolicy(
            name=f"github-{statement.name}",
            role=role,
            actions=statement.actions,
            on=statement.on,
            when=tuple((operator, key, value) for operator, key, values in statement.when for value in values),
        )
        for statement in statements
    )
    return provider, role, *policies
