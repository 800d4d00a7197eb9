"""Real servers for RDS: a private MariaDB or MySQL per instance, behind a port that follows the security groups."""

from embedded_aws.servers.mysql.databases import Databases

__all__ = ["Databases"]
