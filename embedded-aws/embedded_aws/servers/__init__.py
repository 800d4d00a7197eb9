"""Private database and cache servers on this machine: what both kinds have in common."""
