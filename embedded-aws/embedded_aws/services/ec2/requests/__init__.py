"""EC2 requests of every kind: client tokens, dry runs, filters and tags."""
