"""A run's folder: what is written into it, and how it is signed and verified."""
