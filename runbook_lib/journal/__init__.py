"""The append-only, hash-chained log of a run."""
