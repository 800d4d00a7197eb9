"""An OpenID Connect provider, whose tokens the account trusts."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot, tags_of
from ..errors import NotOwned
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging

_ON = "iam:oidc-provider/{self.issuer}"


@kind
class OpenIdConnectProvider(Resource):
    """An account has one for each issuer; its id is its ARN, and it grants nothing by itself.

    An existing provider of the account is used as it is, neither changed nor deleted.
    No thumbprint is set: AWS verifies GitHub's certificate by its own list of authorities.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html

    Args:
        issuer: The host that signs the tokens, e.g. ``token.actions.githubusercontent.com``.
        audience: The audience of the tokens, e.g. ``sts.amazonaws.com``.
    """

    issuer: str
    audience: str

    # Another environment of the account may create it at the same time; then that one is used.
    eventual_errors = frozenset({"ConcurrentModification", "EntityAlreadyExists"})

    needs = (
        to_look("iam:GetOpenIDConnectProvider", on=_ON),
        to_apply(
            "iam:AddClientIDToOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider",
            "iam:RemoveClientIDFromOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", on=_ON,
        ),
        to_destroy("iam:DeleteOpenIDConnectProvider", on=_ON),
    )  # fmt: skip

    def aws_name(self, aws: Aws) -> str:
        """Its ARN, since it has no name."""
        return f"arn:aws:iam::{aws.account}:oidc-provider/{self.issuer}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect the one audience."""
        return {"audiences": frozenset({self.audience})}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the account's provider up; somebody else's is used when it has the audience.

        Raises:
            NotOwned: It is not ours, and lacks the audience.
        """
        arn = self.aws_name(snapshot.aws)
        response = snapshot.get(
            "iam", "get_open_id_connect_provider", missing="NoSuchEntity", OpenIDConnectProviderArn=arn
        )
        if response is None:
            return None
        audiences, tags = frozenset(response.get("ClientIDList", ())), tags_of(response)
        ours = tags.get(snapshot.aws.ENV) == snapshot.aws.env and tags.get(snapshot.aws.KEY) == self.key
        if not ours and self.audience not in audiences:
            raise NotOwned(
                f"{self.key}: the account's provider {arn} is not ours, and lacks the audience {self.audience}.",
                fix=f"Ask its owner to add {self.audience} to its audiences.",
            )
        return Observed(
            arn,
            {"audiences": audiences if ours else frozenset({self.audience})},
            status="" if ours else "the account's own",
            retain="" if ours else "the account had it before, for others too",
            tagging=Tagging("iam provider", arn, tags) if ours else None,
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the provider with its audience."""
        aws.iam.create_open_id_connect_provider(
            Url=f"https://{self.issuer}", ClientIDList=[self.audience], Tags=aws.tags(self)
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Add our audience, and remove any other."""
        there = observed.state["audiences"]
        if self.audience not in there:
            aws.iam.add_client_id_to_open_id_connect_provider(
                OpenIDConnectProviderArn=observed.id, ClientID=self.audience
            )
        for other in sorted(there - {self.audience}):
            aws.iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=observed.id, ClientID=other)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the provider."""
        aws.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=observed.id)
