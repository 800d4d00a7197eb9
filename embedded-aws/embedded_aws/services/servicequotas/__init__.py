"""Service Quotas: the quotas of an account."""
