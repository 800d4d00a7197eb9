"""Secrets are removed here, before anything is written."""
