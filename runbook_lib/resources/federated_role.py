"""An IAM role for identities of another provider, such as a GitHub workflow."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from .base import kind
from .open_id_connect_provider import OpenIdConnectProvider
from .role import Role


@kind
class FederatedRole(Role):
    """Assumed with a provider's token, only by the listed subjects.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html

    Args:
        subjects: Exactly as in the token, without wildcards.
    """

    service: str = ""
    provider: OpenIdConnectProvider
    subjects: tuple[str, ...]

    @property
    def trusts(self) -> str:
        """Say whose tokens the role accepts, as a plan shows it."""
        return f"sts:AssumeRoleWithWebIdentity by {', '.join(sorted(self.subjects))} for {self.provider.audience}"

    def trust(self, aws: Aws) -> dict[str, Any]:
        """Return the trust policy: tokens of the provider with this audience and one of the subjects."""
        issuer = self.provider.issuer
        who = {f"{issuer}:aud": self.provider.audience, f"{issuer}:sub": sorted(self.subjects)}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider.aws_name(aws)},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": who},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}
