"""ElastiCache for real: a private Valkey or Redis per cache, behind a port that follows the security groups."""

from runbook_lib.local.caches.caches import Caches

__all__ = ["Caches"]
