"""Claim 2: the database's subnets."""

from __future__ import annotations

from .account import Account
from .check import FAIL, Finding


def private_database(account: Account) -> Finding:
    """Claim 2; a subnet is public when a route of it leads to an internet gateway."""
    database = account.database
    if database is None:
        return Finding(FAIL, (), ("there is no database",))
    name, network = database["DBInstanceIdentifier"], account.network
    subnets = [each["SubnetIdentifier"] for each in database["DBSubnetGroup"]["Subnets"]]
    problems = [] if subnets else [f"RDS names no subnet of {name}"]
    problems += [f"{own} of its subnet group is not in the environment's VPC" for own in subnets
                if own not in network.subnets]  # fmt: skip
    problems += [f"{own} of its subnet group is public" for own in subnets
                 if own in network.subnets and network.is_public(own)]  # fmt: skip
    if database["PubliclyAccessible"]:
        problems.append(f"{name} is publicly accessible")
    return Finding.of([name, *subnets], problems, [f"{name} is in {len(subnets)} private subnets"])
