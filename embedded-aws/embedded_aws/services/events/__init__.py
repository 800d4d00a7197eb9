"""EventBridge: events that reach Lambda functions."""
