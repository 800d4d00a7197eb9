"""Private servers of this machine: what databases and caches have in common."""
