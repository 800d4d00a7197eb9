"""A role that an AWS service uses in the account, e.g. ``AWSServiceRoleForRDS``."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .role_details import read_role


@kind
class ServiceLinkedRole(Resource):
    """The account has one for each service, whoever created it; it is used as it is, and never deleted.

    A new account has none.  Elastic Load Balancing and Auto Scaling create theirs with their first
    resource.  RDS and ElastiCache do so only with the first database or cache, and refuse its subnet
    group before that.
    https://github.com/terraform-aws-modules/terraform-aws-rds/issues/364
    https://github.com/aws-controllers-k8s/community/issues/367

    Args:
        service: E.g. ``rds.amazonaws.com``.
        role: Its name, which AWS gives it.
    """

    service: str
    role: str

    # InvalidInput: another environment of the account creates it at the same time; then that one is used.
    eventual_errors = frozenset({"InvalidInput: has been taken in this account"})

    needs = (
        # No path while there is none.
        to_look("iam:GetRole", on=("iam:role/aws-service-role/{self.service}/*", "iam:role/{self.role}")),
        to_apply("iam:CreateServiceLinkedRole", on="iam:role/aws-service-role/{self.service}/*"),
    )

    @property
    def retain(self) -> str:
        """Keep the role always: the whole account uses it."""
        return "the account has one, for all that is in it"

    def aws_name(self, aws: Aws) -> str:
        """Its name, which is the same in all accounts."""
        return self.role

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect nothing: AWS alone changes it."""
        return {}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the role up by its name."""
        role = read_role(snapshot, self.role)
        return Observed(role["Arn"], {}) if role else None

    def create(self, aws: Aws, ids: Ids) -> None:
        """Let the service create its role."""
        aws.iam.create_service_linked_role(AWSServiceName=self.service)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called: it is retained."""


def linked_role_of_rds() -> ServiceLinkedRole:
    """RDS's: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html."""
    return ServiceLinkedRole(name="rds", service="rds.amazonaws.com", role="AWSServiceRoleForRDS")


def linked_role_of_elasticache() -> ServiceLinkedRole:
    """ElastiCache's: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html."""
    return ServiceLinkedRole(
        name="elasticache", service="elasticache.amazonaws.com", role="AWSServiceRoleForElastiCache"
    )
