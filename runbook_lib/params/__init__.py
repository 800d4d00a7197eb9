"""Per-environment parameters: read, checked and frozen before anything talks to AWS."""

from .file import load
from .model import Params

__all__ = ["Params", "load"]
