"""How an overlay takes hold of moto: around one of its methods, or beside them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


def around(owner: type, name: str) -> Callable[[Method], Method]:
    """Put a function in the place of a method of moto's; it gets the original one first, then `self` and the rest.

    Raises:
        AttributeError: moto has no such method (any more).
    """
    original = getattr(owner, name)

    def put(replacement: Method) -> Method:
        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return replacement(original, self, *args, **kwargs)

        setattr(owner, name, method)
        return replacement

    return put


def adds(owner: type) -> Callable[[Method], Method]:
    """Give a class of moto a method that it lacks, for instance an operation."""

    def put(method: Method) -> Method:
        assert not hasattr(owner, method.__name__), f"moto has {method.__name__} by now"
        setattr(owner, method.__name__, method)
        return method

    return put


def kept(backend: Any, name: str) -> dict[Any, Any]:
    """A dictionary of ours in a backend of moto's, where it is saved and forgotten with everything else."""
    found: dict[Any, Any] = vars(backend).setdefault(name, {})
    return found
