"""What runs where, and who may talk to whom: read from the account, and drawn from what was read alone."""

from .discovery import discover
from .drawing import picture
from .model import EVENT, Topology

__all__ = ["EVENT", "Topology", "discover", "picture"]
