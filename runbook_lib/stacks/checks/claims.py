"""The promises of the architecture, each proved from the account as it is observed.

A notebook's ``verify`` proves those that its layer completes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...aws.snapshot import Snapshot
from ...errors import MissingDependency
from ...params import Params
from ...resources.base import ObservedState
from ..stack import Stack
from .account import Account
from .availability import availability
from .check import FAIL, Check, Finding
from .claims_of_access import bastion, database_port, way_in
from .claims_of_data import private_database
from .claims_of_deploy import current_revision, push_deploys
from .claims_of_network import one_vpc, way_out
from .claims_of_servers import encrypted_only, loss_of_a_zone, private_servers
from .reachability import reachability

Claim = Callable[[Account], Finding]

_CLAIMS: dict[str, dict[str, Claim]] = {
    "network": {
        "1. One VPC has at least two public and two private subnets, each kind in at least two zones": one_vpc,
        "5. Private subnets reach the internet through a NAT gateway in a public subnet": way_out,
    },
    "data": {
        "2. The database is in private subnets only and not publicly accessible": private_database,
    },
    "compute": {
        "3. Web servers are in at least two zones, in private subnets only, without a public address": private_servers,
        "6. The load balancer is the only way in from the internet, apart from the bastion's SSH": way_in,
        "7. HTTPS only: HTTP redirects, and policy and certificate are current": encrypted_only,
    },
    "deploy": {
        "4. The database's port is reachable from the web servers and from nowhere else": database_port,
        "8. Losing a zone leaves a serving instance, the promised way out, and with Multi-AZ the database":
            loss_of_a_zone,
        "9. A new instance gets the current revision": current_revision,
        "10. A push can deploy, from the repository and the environments named only": push_deploys,
        "11. The bastion reaches the web servers, not the database, and is reachable from admin_cidrs only": bastion,
    },
}  # fmt: skip


# What is claimed instead where the parameters ask for another way in or out.
_NO_NAT = {"5": "5. Nothing leads from private subnets to the internet; endpoints reach the services that servers need"}
_NO_SSH = {
    "6": "6. The load balancer is the only way in from the internet",
    "11": "11. The bastion reaches the web servers, not the database, and nothing reaches it",
}
_NO_BASTION = {**_NO_SSH, "11": "11. There is no bastion, and nothing reaches a web server by SSH"}


def claims(stack: Stack, params: Params) -> tuple[Check, ...]:
    """The checks that belong to a notebook's stack: its claims, and what they do not cover."""
    more = {"network": reachability, "deploy": availability}.get(stack.name)
    own = (Check(_claimed(text, params), _probe(claim, params)) for text, claim in _of_layer(stack.name, params))
    return (*own, *(more(stack) if more else ()))


def _of_layer(name: str, params: Params) -> Iterator[tuple[str, Claim]]:
    """The claims of a layer.  That a way is no more is true once what left the parameters is gone: in the last one."""
    last: dict[Claim, bool] = {way_out: params.network.nat == "none", way_in: params.compute.bastion == "none"}
    for layer, own in _CLAIMS.items():
        for text, claim in own.items():
            if name == ("deploy" if last.get(claim) else layer):
                yield text, claim


def _claimed(text: str, params: Params) -> str:
    """The claim as these parameters promise it."""
    by_bastion = {"ssh": {}, "none": _NO_BASTION}.get(params.compute.bastion, _NO_SSH)
    others = by_bastion | (_NO_NAT if params.network.nat == "none" else {})
    return others.get(text.partition(".")[0], text)


def _probe(claim: Claim, params: Params) -> Callable[[Snapshot, ObservedState], tuple[bool, object]]:
    def probe(snapshot: Snapshot, observed_state: ObservedState) -> tuple[bool, object]:
        try:
            finding = claim(Account(params, snapshot, observed_state))
        except MissingDependency as error:  # what differs from the parameters is told beside it
            finding = Finding(FAIL, (), (error.what,))
        return finding.result != FAIL, finding.as_dict()

    return probe
