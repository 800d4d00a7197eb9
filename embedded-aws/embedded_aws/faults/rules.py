"""Fault rules: which calls or lifecycle events fail, how, and how often."""

from __future__ import annotations

import random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from runbook_lib.errors import WrongUsage

MAX_SECONDS = 600.0  # clients time out long before

#: Fields that only some kinds have.
FIELDS_OF_KIND = {
    "slow": frozenset({"seconds"}),
    "error": frozenset({"status"}),
    "refuse": frozenset({"code", "message", "status"}),
}
REQUIRED_FIELD = {"slow": "seconds", "refuse": "code"}


class Rule(BaseModel):
    """How often: of the matches, the first `skip` pass, then up to `times` are hit, each with a `probability`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: Annotated[int, Field(ge=1)] | None = None
    skip: Annotated[int, Field(ge=0)] = 0
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = Field(default_factory=lambda: random.randrange(1_000_000))

    def hits(self, matched: int, hit: int) -> bool:
        """Whether the next match is hit, after `matched` matches and `hit` hits; the same seed hits the same ones."""
        if matched < self.skip or (self.times is not None and hit >= self.times):
            return False
        return random.Random(f"{self.seed}/{matched}").random() < self.probability


class CallRule(Rule):
    """Calls of a service's operations; both may be patterns, such as `Create*`."""

    service: str
    operation: str
    kind: Literal["throttle", "error", "slow", "lost", "refuse"]
    seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)] | None = None
    code: Annotated[str, Field(pattern=r"^[A-Za-z][\w.]*$")] | None = None
    message: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None

    @model_validator(mode="after")
    def _check_fields(self) -> CallRule:
        allowed = FIELDS_OF_KIND.get(self.kind, frozenset())
        fields = {name for name in ("seconds", "code", "message", "status") if getattr(self, name) is not None}
        if fields - allowed:
            raise ValueError(f"{self.kind} has no option {sorted(fields - allowed)[0]}")
        if (required := REQUIRED_FIELD.get(self.kind)) and required not in fields:
            raise ValueError(f"{self.kind} needs {required}")
        if self.kind == "error" and self.status not in (None, 500, 503):
            raise ValueError("error is 500 or 503; for another status, use refuse")
        return self

    @property
    def what(self) -> str:
        """What it matches, such as ec2:Create*."""
        return f"{self.service}:{self.operation}"


class HookRule(Rule):
    """A lifecycle event of a deployment, on any instance or only on some."""

    hook: str
    kind: Literal["fail"] = "fail"
    instance: str | None = None
    zone: str | None = None

    @property
    def what(self) -> str:
        """What it matches, such as hook:ValidateService."""
        where = " ".join(filter(None, (self.instance, self.zone)))
        return f"hook:{self.hook}" + (f" on {where}" if where else "")


AnyRule = CallRule | HookRule

_RULES: dict[bool, TypeAdapter[Any]] = {True: TypeAdapter(HookRule), False: TypeAdapter(CallRule)}


def parse(payload: Any) -> AnyRule:
    """Parse a rule from JSON.

    Raises:
        WrongUsage: It is not a valid rule.
    """
    if not isinstance(payload, dict):
        raise WrongUsage(f"{payload!r} is not a fault rule", fix="send a JSON object; see docs/game-days.md")
    try:
        rule: AnyRule = _RULES["hook" in payload].validate_python(payload)
    except ValidationError as error:
        raise WrongUsage("; ".join(_message(one) for one in error.errors()), fix="see docs/game-days.md") from None
    return rule


def _message(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    reason = error["msg"].removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason
