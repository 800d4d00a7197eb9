"""Checks of the running system that no single resource can prove."""
