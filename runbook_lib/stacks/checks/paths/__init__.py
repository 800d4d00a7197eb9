"""Whether a connection is possible in a network as it was observed, by which path, or what stops it."""
