"""What makes moto behave like AWS where it does not: one small file per area, each rule with its AWS source.

A module here changes moto when it is imported, with `around` or `adds`. One that does something
by itself between two calls has a function `tick`, which returns whether it changed the account.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable


def install() -> list[Callable[[], bool]]:
    """Put all overlays in place, before the first call; returns their ticks."""
    modules = [importlib.import_module(found.name) for found in pkgutil.walk_packages(__path__, f"{__name__}.")]
    return [module.tick for module in modules if hasattr(module, "tick")]
