"""What runs where, and who may talk to whom: read from the account, and drawn from what was read alone."""

from .picture import picture
from .reading import sight
from .sight import Sight

__all__ = ["Sight", "picture", "sight"]
