"""Measurements that take long: each is a command that prints its figures."""
