"""Which resources run where in an environment's networks, and which may connect to which: discovery and drawing."""

from .discovery import discover
from .drawing import draw_topology
from .model import EVENT, Topology

__all__ = ["EVENT", "Topology", "discover", "draw_topology"]
