"""CloudTrail: the event history of an account."""
