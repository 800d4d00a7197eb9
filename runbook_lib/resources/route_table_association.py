"""The association of a subnet with a route table."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .route_table import RouteTable
from .subnet import Subnet

_ON = ("ec2:route-table/*", "ec2:subnet/*")


@kind
class RouteTableAssociation(Resource):
    """A subnet uses one table; without an association it uses the VPC's main table."""

    table: RouteTable
    subnet: Subnet

    immutable = frozenset({"subnet"})
    eventual_errors = frozenset({"InvalidRouteTableID.NotFound", "InvalidSubnetID.NotFound"})

    needs = (
        to_look("ec2:DescribeRouteTables"),
        to_apply("ec2:AssociateRouteTable", "ec2:ReplaceRouteTableAssociation", on=_ON),
        to_destroy("ec2:DisassociateRouteTable", on=_ON),
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Return the table that the subnet uses, also one that is not ours."""
        subnet = ids.get(self.subnet)
        if subnet is None:
            return None
        # All tables of the VPC: the subnet may use one that is not ours.  A VPC that lost its tags is not known.
        vpc = ids.get(self.subnet.vpc)
        where = {"Name": "vpc-id", "Values": [vpc]} if vpc else {"Name": "association.subnet-id", "Values": [subnet]}
        for table in snapshot.all("ec2", "describe_route_tables", "RouteTables", Filters=[where]):
            for association in table["Associations"]:
                status = association.get("AssociationState", {}).get("State", "associated")
                if association.get("SubnetId") == subnet and status != "disassociated":
                    state = {"table": table["RouteTableId"], "subnet": subnet}
                    association_id = association["RouteTableAssociationId"]
                    return Observed(
                        association_id,
                        state,
                        ready=status == "associated",
                        status=status,
                        deleting=status == "disassociating",
                    )
        return None

    def create(self, aws: Aws, ids: Ids) -> None:
        """Let the subnet use the table."""
        aws.ec2.associate_route_table(RouteTableId=ids[self.table], SubnetId=ids[self.subnet])

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Replace the table that the subnet uses."""
        aws.ec2.replace_route_table_association(AssociationId=observed.id, RouteTableId=ids[self.table])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Let the subnet use the VPC's main table again."""
        aws.ec2.disassociate_route_table(AssociationId=observed.id)
