"""Answer a person's question whether one thing can connect to another."""

from __future__ import annotations

from ipaddress import ip_address

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from ..params import Params
from ..stacks.checks.account import Account
from ..stacks.checks.claims_of_network import ANYWHERE
from ..stacks.checks.paths.model import Interface, Outside
from ..stacks.checks.paths.trace import End, reach
from .kernel.report import Report, Row

INTERNET = "internet"


def show_connections(params: Params, aws: Aws, source: str, destination: str, port: int, protocol: str) -> Report:
    """The path from each interface of the source to each of the destination, or what stops it.

    Args:
        source, destination: ``web``, ``database``, ``bastion``, ``load_balancer``, ``cache``, ``internet``, an IP
            address, or the id of a network interface or an instance.

    Raises:
        RunbookError: Nothing has that name.
    """
    account = Account(params, Snapshot(aws), {})
    rows = []
    for start in _ends(account, source):
        for end in _ends(account, destination):
            path = reach(account.network, start, end, port, protocol)
            sign = "✗" if not path.reachable else "~" if path.partly else "✓"
            rows.append(Row(sign, f"{start.id} → {end.id}", (str(path),)))
    possible = sum(row.sign != "✗" for row in rows)
    title = f"{source} → {destination}, {protocol} {port}: {possible} of {len(rows)} connections are possible"
    return Report(title, rows, "" if rows else "There is no interface of the one or of the other.")


def _ends(account: Account, name: str) -> list[End]:
    if name == INTERNET:
        return [ANYWHERE]
    try:
        address = ip_address(name)
    except ValueError:
        return list[End](account.interfaces(name))
    own: list[End] = [each for each in account.network.interfaces.values() if address in each.addresses]
    if not own and account.network.contains(address):
        subnets = account.network.subnets.values()
        subnet = next((each.id for each in subnets if any(address in block for block in each.networks)), "")
        return [Interface(name, subnet, (address,), None)] if subnet else []
    return own or [Outside(address)]
