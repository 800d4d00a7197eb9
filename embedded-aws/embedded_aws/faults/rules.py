"""What may be asked for: a rule says which calls or lifecycle events are to go wrong, how, and how often."""

from __future__ import annotations

import random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from runbook_lib.errors import WrongUsage

LONGEST = 600.0  # seconds; a client has given up long before

#: The fields that only some kinds take.
OF_KIND = {
    "slow": frozenset({"seconds"}),
    "error": frozenset({"status"}),
    "refuse": frozenset({"code", "message", "status"}),
}
NEEDED = {"slow": "seconds", "refuse": "code"}


class Rule(BaseModel):
    """How often: of those that match, the first `skip` go through, then `times` are hit, each with a `probability`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: Annotated[int, Field(ge=1)] | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = Field(default_factory=lambda: random.randrange(1_000_000))

    def hits(self, seen: int, hit: int) -> bool:
        """Whether the next match is hit, after `seen` matches of which `hit` were; the same seed, the same ones."""
        if seen < self.skip or (self.times is not None and hit >= self.times):
            return False
        return random.Random(f"{self.seed}/{seen}").random() < self.probability


class CallRule(Rule):
    """Calls of a service's operations; both may be patterns, such as `Create*`."""

    service: str
    operation: str
    kind: Literal["throttle", "error", "slow", "lost", "refuse"]
    seconds: Annotated[float, Field(gt=0, le=LONGEST)] | None = None
    code: Annotated[str, Field(pattern=r"^[A-Za-z][\w.]*$")] | None = None
    message: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> CallRule:
        takes = OF_KIND.get(self.kind, frozenset())
        given = {name for name in ("seconds", "code", "message", "status") if getattr(self, name) is not None}
        if given - takes:
            raise ValueError(f"{self.kind} takes no {sorted(given - takes)[0]}")
        if (needed := NEEDED.get(self.kind)) and needed not in given:
            raise ValueError(f"{self.kind} needs {needed}")
        if self.kind == "error" and self.status not in (None, 500, 503):
            raise ValueError("error is 500 or 503; for another status, use refuse")
        return self

    @property
    def what(self) -> str:
        """Such as ec2:Create*."""
        return f"{self.service}:{self.operation}"


class HookRule(Rule):
    """A lifecycle event of a deployment, on any instance or on some."""

    hook: str
    kind: Literal["fail"] = "fail"
    instance: str | None = None
    zone: str | None = None

    @property
    def what(self) -> str:
        """Such as hook:ValidateService."""
        where = " ".join(filter(None, (self.instance, self.zone)))
        return f"hook:{self.hook}" + (f" on {where}" if where else "")


AnyRule = CallRule | HookRule

_RULES: dict[bool, TypeAdapter[Any]] = {True: TypeAdapter(HookRule), False: TypeAdapter(CallRule)}


def parse(sent: Any) -> AnyRule:
    """A rule from JSON.

    Raises:
        WrongUsage: It is none.
    """
    if not isinstance(sent, dict):
        raise WrongUsage(f"{sent!r} is no rule", fix="send objects; see docs/game-days.md")
    try:
        rule: AnyRule = _RULES["hook" in sent].validate_python(sent)
    except ValidationError as error:
        raise WrongUsage("; ".join(_told(one) for one in error.errors()), fix="see docs/game-days.md") from None
    return rule


def _told(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    why = error["msg"].removeprefix("Value error, ")
    return f"{where}: {why}" if where else why
