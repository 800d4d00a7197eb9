"""Read the load balancers' listeners from moto's backends; the caller holds their lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded_aws.account import backends
from embedded_aws.load_balancer.reachability import internet_reaches

END = "-----END CERTIFICATE-----"


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, as PEM."""

    chain: str  # its own certificate first
    key: str = field(repr=False)


@dataclass(frozen=True)
class Rule:
    """A listener's rule: which requests it matches, and the action for them."""

    conditions: tuple[Mapping[str, Any], ...]  # empty: it matches all requests
    action: Mapping[str, Any]


@dataclass(frozen=True)
class Listener:
    """A listener of a load balancer."""

    balancer: str
    port: int
    certificate: Certificate | None  # None: it uses HTTP
    rules: tuple[Rule, ...]
    attributes: Mapping[str, str]
    policy: str = ""  # the security policy of HTTPS

    @property
    def scheme(self) -> str:
        """The scheme of its URLs."""
        return "https" if self.certificate else "http"

    @property
    def idle_seconds(self) -> float:
        """The idle timeout of a connection."""
        return float(self.attributes.get("idle_timeout.timeout_seconds", 60))

    @property
    def drops_invalid_headers(self) -> bool:
        """Whether it drops header fields with invalid names."""
        return self.attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true"

    @property
    def forwarded_for_mode(self) -> str:
        """What happens to X-Forwarded-For: append, preserve or remove."""
        return self.attributes.get("routing.http.xff_header_processing.mode", "append")


def read_listeners() -> dict[tuple[str, int], Listener]:
    """Return all listeners that the internet can reach, by load balancer name and port."""
    listeners = [listener for elb in backends.existing("elbv2") for listener in _listeners(elb)]
    return {(listener.balancer, listener.port): listener for listener in listeners}


def _listeners(elb: Any) -> Iterator[Listener]:
    for balancer in [one for one in elb.load_balancers.values() if one.type == "application"]:
        for listener in balancer.listeners.values():
            secure, port = listener.protocol == "HTTPS", int(listener.port)
            certificate = _certificate(elb, listener.certificate) if secure else None
            if (secure and certificate is None) or not internet_reaches(balancer, port):
                continue
            rules = sorted(listener._non_default_rules.values(), key=lambda rule: int(rule.priority))
            own = [Rule(tuple(rule.conditions), rule.actions[-1].data) for rule in rules]
            default = Rule((), listener.default_actions[-1].data)
            yield Listener(
                balancer.name, port, certificate, (*own, default), dict(balancer.attrs), listener.ssl_policy or ""
            )


def _certificate(elb: Any, arn: str | None) -> Certificate | None:
    bundle = backends.backend("acm", elb.region_name, elb.account_id)._certificates.get(arn)
    if bundle is None or bundle.status != "ISSUED":
        return None
    # moto appends a root of AWS's to each chain that has not signed any of it.
    chain = bundle.chain.decode().split(END)[:-2]
    own = bundle.cert.decode().strip()
    return Certificate("\n".join([own, *[f"{one.strip()}\n{END}" for one in chain]]) + "\n", bundle.key.decode())
