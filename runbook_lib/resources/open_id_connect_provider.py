"""An OpenID Connect provider: whose tokens the account takes for a proof of who somebody is."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import Snapshot, tags_of
from ..errors import NotOwned
from .base import Ids, Observed, Resource, kind


@kind
class OpenIdConnectProvider(Resource):
    """One for each issuer and account; its id is its ARN, and it allows nothing by itself.

    Where the account has one already, that one is used as it is, neither changed nor removed.
    No thumbprint is given: AWS checks GitHub's certificate by its own library of authorities.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html

    Args:
        issuer: The host that signs the tokens, e.g. ``token.actions.githubusercontent.com``.
        audience: Whom the tokens are for, e.g. ``sts.amazonaws.com``.
    """

    issuer: str
    audience: str

    # Another environment of the account may have been faster; then its one is used.
    eventual_errors = frozenset({"ConcurrentModification", "EntityAlreadyExists"})

    def called(self, aws: Aws) -> str:
        """Its ARN: it has no name of its own."""
        return f"arn:aws:iam::{aws.account}:oidc-provider/{self.issuer}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        return {"audiences": frozenset({self.audience})}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        arn = self.called(snapshot.aws)
        providers = snapshot.all("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList")
        if arn not in {provider["Arn"] for provider in providers}:
            return None
        found = snapshot.get(
            "iam", "get_open_id_connect_provider", missing="NoSuchEntity", OpenIDConnectProviderArn=arn
        )
        if found is None:
            return None
        audiences, tags = frozenset(found.get("ClientIDList", ())), tags_of(found)
        ours = tags.get(snapshot.aws.ENV) == snapshot.aws.env and tags.get(snapshot.aws.KEY) == self.key
        if not ours and self.audience not in audiences:
            raise NotOwned(
                f"{self.key}: the account's provider {arn} is not ours, and does not know {self.audience}.",
                fix=f"Have {self.audience} added to its audiences: it belongs to somebody else.",
            )
        return Observed(
            arn,
            {"audiences": audiences if ours else frozenset({self.audience})},
            status="" if ours else "the account's own",
            retain="" if ours else "the account had it before, for others too",
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.iam.create_open_id_connect_provider(
            Url=f"https://{self.issuer}", ClientIDList=[self.audience], Tags=aws.tags(self)
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        there = observed.state["audiences"]
        if self.audience not in there:
            aws.iam.add_client_id_to_open_id_connect_provider(
                OpenIDConnectProviderArn=observed.id, ClientID=self.audience
            )
        for other in sorted(there - {self.audience}):
            aws.iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=observed.id, ClientID=other)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=observed.id)
