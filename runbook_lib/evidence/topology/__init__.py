"""What runs where, and who may talk to whom: read from the account, and drawn from what was read alone."""

from .discovery import sight
from .drawing import picture
from .model import EVENT, Sight

__all__ = ["EVENT", "Sight", "picture", "sight"]
