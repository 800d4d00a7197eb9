"""One cache: how its server is brought to what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedded_aws.servers import supervisor as keeper
from embedded_aws.servers.valkey.options import understood
from embedded_aws.servers.valkey.server import Server


@dataclass(frozen=True)
class Wanted:
    """What ElastiCache says the cache is.

    Args:
        tokens: SHA-256 of each token that opens it; it is open to whoever gets through without one.
    """

    tls: bool
    tokens: tuple[str, ...] = field(default=(), repr=False)
    parameters: tuple[tuple[str, str], ...] = ()
    restarts: int = 0


class Keeper(keeper.Keeper[Server, Wanted]):
    """Of a cache."""

    def _reach(self, wanted: Wanted, before: Wanted | None) -> None:
        server, now = self._server, understood(dict(wanted.parameters))
        kept = before and (before.tls, before.restarts) == (wanted.tls, wanted.restarts) and server.running
        if not before or not kept:
            server.end()
            server.run(wanted.tls, wanted.tokens, now)
            return
        if before.tokens != wanted.tokens:
            server.admit(wanted.tokens)
        was = understood(dict(before.parameters))
        server.set({name: value for name, value in now.items() if was.get(name) != value})
