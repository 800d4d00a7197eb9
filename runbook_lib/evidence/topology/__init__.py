"""What runs where, and who may talk to whom: read from the account, and drawn from what was read alone."""

from .picture import picture
from .reading import sight
from .sight import EVENT, Sight

__all__ = ["EVENT", "Sight", "picture", "sight"]
