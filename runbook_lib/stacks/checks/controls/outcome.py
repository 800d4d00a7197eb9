"""What the evaluation of a control looked at, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ....aws.snapshot import ApiObject, tags_of
from ..account import Account


@dataclass(frozen=True)
class Offence:
    """What is wrong with one resource.

    Args:
        id: Its id in AWS.
        why: The value that the control does not accept.
        key: The runbook's key of the resource; empty for one of somebody else.
    """

    id: str
    why: str
    key: str = ""

    def __str__(self) -> str:
        name = f"{self.key} ({self.id})" if self.key and self.key != self.id else self.id
        return f"{name} {self.why}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of an evaluation.

    Args:
        looked_at: The ids of the resources.
        not_applicable: Why the control does not apply; empty where it does.
    """

    looked_at: Sequence[str] = ()
    offences: Sequence[Offence] = ()
    not_applicable: str = ""


Evaluation = Callable[[Account], Outcome]
Wrong = Callable[[ApiObject], str]
"""Says what a control does not accept of a resource; empty where it accepts it."""


def none(why: str) -> Outcome:
    """The control does not apply."""
    return Outcome(not_applicable=why)


def judge(
    items: Iterable[ApiObject], id_field: str, wrong: Wrong, absent: str, *, key: str = "", tags: str = "Tags"
) -> Outcome:
    """Look at each of the items.

    Args:
        id_field: The field with the id.
        absent: What to say where there is none.
        key: The runbook's key of all of them; by default that of their tags.
        tags: The field with the tags.
    """
    looked_at, offences = list[str](), list[Offence]()
    for item in items:
        looked_at.append(str(item[id_field]))
        if why := wrong(item):
            offences.append(Offence(str(item[id_field]), why, key or tags_of(item, tags).get("runbook:key", "")))
    return Outcome(looked_at, offences) if looked_at else none(absent)


def required(field: str, value: object, words: str) -> Wrong:
    """The field must have the value; *words* say what it lacks where it has not."""
    return lambda item: "" if item.get(field) == value else words
