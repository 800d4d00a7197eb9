"""Secrets Manager: lists of secrets, and their deletion."""
