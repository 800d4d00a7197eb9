"""Patch moto: wrap one of its methods, add a method that it lacks, or attach data to a backend."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

Method = Callable[..., Any]


def patch(owner: type | ModuleType, name: str) -> Callable[[Method], Method]:
    """Decorator: replace a method of moto by a function that gets the original method first, then `self` and the rest.

    A function of one of moto's modules is replaced likewise, for who calls it within that module.

    Raises:
        AttributeError: moto does not have the method.
    """
    original = getattr(owner, name)

    def install(replacement: Method) -> Method:
        @functools.wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return replacement(original, self, *args, **kwargs)

        setattr(owner, name, method)
        return replacement

    return install


def add_method(owner: type) -> Callable[[Method], Method]:
    """Decorator: add a method to a class of moto, for instance an operation that moto lacks."""

    def install(method: Method) -> Method:
        assert not hasattr(owner, method.__name__), f"moto has its own {method.__name__} now"
        setattr(owner, method.__name__, method)
        return method

    return install


def attach_dict(backend: Any, name: str) -> dict[Any, Any]:
    """Return our own dictionary on a moto backend; it is saved and reset together with the backend."""
    attached: dict[Any, Any] = vars(backend).setdefault(name, {})
    return attached
