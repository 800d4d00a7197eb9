"""Features of all EC2 requests: client tokens, dry runs, filters and tags."""
