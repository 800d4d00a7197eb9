"""None yet."""

CASES = {}
