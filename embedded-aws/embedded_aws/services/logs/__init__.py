"""CloudWatch Logs: log groups and their events."""
