"""What the load balancers of the account listen for, read from moto's backends; the caller holds their lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.load_balancer.reachability import internet_reaches

END = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, as PEM."""

    chain: str  # its own certificate first
    key: str = field(repr=False)


@dataclass(frozen=True)
class Rule:
    """A listener's rule: which requests it is for, and what is done with them."""

    conditions: tuple[Mapping[str, Any], ...]  # empty: for all
    action: Mapping[str, Any]


@dataclass(frozen=True)
class Door:
    """A listener as it is to be."""

    balancer: str
    port: int
    certificate: Certificate | None  # None: it speaks HTTP
    rules: tuple[Rule, ...]
    attributes: Mapping[str, str]

    @property
    def scheme(self) -> str:
        """What its addresses begin with."""
        return "https" if self.certificate else "http"

    @property
    def idle_seconds(self) -> float:
        """How long a connection may be silent."""
        return float(self.attributes.get("idle_timeout.timeout_seconds", 60))

    @property
    def drops_invalid(self) -> bool:
        """Whether header fields with unusual names are dropped."""
        return self.attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true"

    @property
    def forwarded_for(self) -> str:
        """append, preserve or remove."""
        return self.attributes.get("routing.http.xff_header_processing.mode", "append")


def doors() -> dict[tuple[str, int], Door]:
    """All listeners that the internet can reach, by their load balancer's name and their port."""
    found = [door for elb in world.existing("elbv2") for door in _doors(elb)]
    return {(door.balancer, door.port): door for door in found}


def _doors(elb: Any) -> Iterator[Door]:
    for balancer in [found for found in elb.load_balancers.values() if found.type == "application"]:
        for listener in balancer.listeners.values():
            secure, port = listener.protocol == "HTTPS", int(listener.port)
            certificate = _certificate(elb, listener.certificate) if secure else None
            if (secure and certificate is None) or not internet_reaches(balancer, port):
                continue
            rules = sorted(listener._non_default_rules.values(), key=lambda rule: int(rule.priority))
            found = [Rule(tuple(rule.conditions), rule.actions[-1].data) for rule in rules]
            default = Rule((), listener.default_actions[-1].data)
            yield Door(balancer.name, port, certificate, (*found, default), dict(balancer.attrs))


def _certificate(elb: Any, arn: str | None) -> Certificate | None:
    bundle = world.backend("acm", elb.region_name)._certificates.get(arn)
    if bundle is None or bundle.status != "ISSUED":
        return None
    # moto puts a root of AWS's behind each chain, which has signed nothing of it.
    chain = bundle.chain.decode().split(END)[:-2]
    own = bundle.cert.decode().strip()
    return Certificate("\n".join([own, *[f"{one.strip()}\n{END}" for one in chain]]) + "\n", bundle.key.decode())
