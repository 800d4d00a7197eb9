"""Real servers for ElastiCache: a private Valkey or Redis per cache, behind a port that follows the security groups."""

from embedded_aws.servers.valkey.caches import Caches

__all__ = ["Caches"]
