"""The parameters of scaling, of scheduled sizes, and of alarms."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints, field_validator

from .fields import Name, Strict

TOPIC = r"^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"
# The ranges and names of cron's five fields, which Auto Scaling takes.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_CRON = (
    ("minute", 0, 59, ()), ("hour", 0, 23, ()), ("day of the month", 1, 31, ()), ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)  # fmt: skip
Servers = Annotated[int, Field(strict=True, ge=1, le=1000)]


class Scaling(Strict):
    """Servers come and go, so that a metric stays near its target."""

    metric: Literal["cpu", "requests_per_target"] = Field(
        description="cpu: percent of the servers' processors; requests_per_target: requests to each server in a minute"
    )
    target: Annotated[float, Field(strict=True, gt=0, le=1_000_000)]
    minimum: Servers | None = Field(default=None, description="servers in all; null: one in each zone")
    maximum: Servers | None = Field(default=None, description="servers in all; null: max_per_zone in each zone")


class Schedule(Strict):
    """Sizes of the group of web servers from a time of day or week on."""

    name: Name
    recurrence: str = Field(description="minute, hour, day of the month, month and day of the week, as cron has them")
    minimum: Servers = Field(description="servers in all")
    maximum: Servers = Field(description="servers in all")
    time_zone: str = Field(default="UTC", description="a name of the IANA database, e.g. Europe/Zurich")

    @field_validator("recurrence")
    @classmethod
    def _is_cron(cls, text: str) -> str:
        parts = text.split(" ")
        if len(parts) != len(_CRON):
            raise ValueError(
                'write five fields, for minute, hour, day of the month, month and day of the week: "0 7 * * MON-FRI"'
            )
        for part, (field, low, high, names) in zip(parts, _CRON, strict=True):
            if not all(_is_range(each, low, high, tuple(names)) for each in part.lower().split(",")):
                raise ValueError(f"{part} is no {field}; write {low} to {high}, *, or a list, a range or */steps")
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        known = available_timezones()  # empty on a machine without the database
        if known and zone not in known:
            raise ValueError("not a time zone of the IANA database; write e.g. UTC or Europe/Zurich")
        return zone


class Alarms(Strict):
    """Who is told when something needs a person."""

    topic: Annotated[str, StringConstraints(pattern=TOPIC)] | None = Field(
        default=None, description="the ARN of an SNS topic; null: no alarms"
    )


def _is_range(text: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    """Whether this is one entry of a field of cron: ``*``, ``5``, ``1-5``, ``mon-fri`` or ``*/15``."""
    match = re.fullmatch(r"(\*|[a-z0-9]+(-[a-z0-9]+)?)(/[1-9][0-9]*)?", text)
    if match is None:
        return False
    if match[1] == "*":
        return True
    numbers = [_number(each, names, low) for each in match[1].split("-")]
    return all(low <= each <= high for each in numbers) and numbers == sorted(numbers)


def _number(text: str, names: tuple[str, ...], low: int) -> int:
    return names.index(text) + low if text in names else int(text) if text.isdecimal() else -1
