"""What is known before a change: what AWS would refuse, what is there already, and what a destroy leaves behind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remainder:
    """What remains in AWS when a resource is destroyed.

    Args:
        id: Its id, ARN or name in AWS.
        reason: What it is, or why it remains.
    """

    id: str
    reason: str


@dataclass(frozen=True)
class Refusal:
    """Why AWS would refuse a change, known before anything is written.

    Args:
        fields: The fields that it is about.
        reason: What AWS does not offer.
        fix: Which parameter to change, in the imperative.
    """

    fields: frozenset[str]
    reason: str
    fix: str


@dataclass(frozen=True)
class Twin:
    """What lacks our tags, and has what AWS gives only once.

    Args:
        what: What that is, e.g. ``name``.
        ours: Whether it can only be ours, as what is in our VPC is.
    """

    id: str
    what: str
    ours: bool
