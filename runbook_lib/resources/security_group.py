"""A security group; its rules are resources of their own."""

from __future__ import annotations

from ..aws import Aws
from ..look import Look
from ..resource import Ids, Observed, Resource, kind
from .vpc import Vpc


@kind
class SecurityGroup(Resource):
    """A named set of network interfaces.  AWS gives a new one a rule that lets everything out."""

    vpc: Vpc
    description: str

    fixed = frozenset({"vpc", "description"})
    catching_up = frozenset({"InvalidVpcID.NotFound"})
    patience = 300  # a load balancer's or database's interfaces leave minutes after it does

    def observe(self, look: Look, ids: Ids) -> Observed | None:
        group = look.tagged("describe_security_groups", "SecurityGroups", self)
        if group is None:
            return None
        return Observed(group["GroupId"], {"vpc": group["VpcId"], "description": group["Description"]})

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.ec2.create_security_group(
            GroupName=aws.name(self),
            Description=self.description,
            VpcId=ids[self.vpc],
            TagSpecifications=aws.tag_spec("security-group", self),
        )

    def delete(self, aws: Aws, ids: Ids, seen: Observed) -> None:
        aws.ec2.delete_security_group(GroupId=seen.id)
