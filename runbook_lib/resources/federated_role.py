"""An IAM role for those whom another provider knows, such as a workflow at GitHub."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from .base import kind
from .open_id_connect_provider import OpenIdConnectProvider
from .role import Role


@kind
class FederatedRole(Role):
    """Taken on with a provider's token, by the subjects named here and nobody else.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html

    Args:
        subjects: As the token names them, each in full: no wildcards.
    """

    service: str = ""
    provider: OpenIdConnectProvider
    subjects: tuple[str, ...]

    @property
    def trusts(self) -> str:
        return f"sts:AssumeRoleWithWebIdentity by {', '.join(sorted(self.subjects))} for {self.provider.audience}"

    def trust(self, aws: Aws) -> dict[str, Any]:
        issuer = self.provider.issuer
        who = {f"{issuer}:aud": self.provider.audience, f"{issuer}:sub": sorted(self.subjects)}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider.called(aws)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": who},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}
