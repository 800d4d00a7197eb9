"""Signed statements: the manifest of a run, and approvals of plans."""
