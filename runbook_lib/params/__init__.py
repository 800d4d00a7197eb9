"""The parameters of an environment: read and checked before AWS is called."""

from .file import load, params_file
from .model import Params

__all__ = ["Params", "load", "params_file"]
