"""Elastic Load Balancing: load balancers, listeners and target groups."""
