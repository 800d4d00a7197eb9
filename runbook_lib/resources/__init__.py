"""The kinds: one file for each kind of AWS resource, and what they share."""
