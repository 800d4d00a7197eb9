"""RDS for real: a private MariaDB or MySQL per instance, behind a port that follows the security groups."""

from runbook_lib.local.databases.databases import Databases

__all__ = ["Databases"]
