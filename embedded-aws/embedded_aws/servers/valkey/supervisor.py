"""Bring the server of one cache to its desired state."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedded_aws.servers.supervisor import Supervisor
from embedded_aws.servers.valkey.options import supported_parameters
from embedded_aws.servers.valkey.server import CacheServer


@dataclass(frozen=True)
class DesiredState:
    """A cache as ElastiCache describes it.

    Args:
        tokens: SHA-256 of each token that it accepts; without any, it accepts clients without a token.
    """

    tls: bool
    tokens: tuple[str, ...] = field(default=(), repr=False)
    parameters: tuple[tuple[str, str], ...] = ()
    restarts: int = 0


class CacheSupervisor(Supervisor[CacheServer, DesiredState]):
    """The supervisor of one cache."""

    def _reconcile(self, desired: DesiredState, applied: DesiredState | None) -> None:
        server, parameters = self._server, supported_parameters(dict(desired.parameters))
        if not applied or (applied.tls, applied.restarts) != (desired.tls, desired.restarts) or not server.running:
            server.end()
            server.run(desired.tls, desired.tokens, parameters)
            return
        if applied.tokens != desired.tokens:
            server.set_tokens(desired.tokens)
        before = supported_parameters(dict(applied.parameters))
        server.set_parameters({name: value for name, value in parameters.items() if before.get(name) != value})
