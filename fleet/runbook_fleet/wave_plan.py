"""Read a wave plan, and report all problems in it at once: those of the environments that it names, too."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from runbook_lib.errors import ParamsError, RunbookError
from runbook_lib.formatting import format_value, one_line
from runbook_lib.params import Params, load, params_file
from runbook_lib.params.document import Document, Unreadable
from runbook_lib.params.fields import ENV, Strict, Switch
from runbook_lib.params.problem import Problem
from runbook_lib.params.words import explain

Env = Annotated[str, StringConstraints(strict=True, pattern=ENV)]
Profile = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.@/+={}-]+$")]


class WavePlanError(RunbookError):
    """A wave plan that cannot be read, or that names what does not exist."""


class WavePlan(Strict):
    """Which environments get a release, and in which order."""

    waves: Annotated[tuple[Annotated[tuple[Env, ...], Field(min_length=1)], ...], Field(min_length=1)] = Field(
        description="environments of one wave go side by side; the next wave begins when this one has ended"
    )
    tolerance: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(
        default=0, description="how many environments of a wave may fail; with one more, or with all, the wave stops"
    )
    pause_minutes: Annotated[int, Field(strict=True, ge=0, le=7 * 24 * 60)] = Field(
        default=0, description="how long to wait between two waves"
    )
    approval: Switch = Field(
        default=False, description="true: every environment after the first wave needs signed approvals of its plans"
    )
    approval_hours: Annotated[int, Field(strict=True, ge=1, le=24 * 90)] = Field(
        default=72, description="how long a wave waits for signed approvals"
    )
    rollback: Switch = Field(default=True, description="an environment that fails gets its earlier release back")
    parallel: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        default=16, description="how many tasks run at a time"
    )
    aws_profile: Profile | None = Field(
        default=None,
        description="the AWS profile of an environment, e.g. runbook-{env}; null: the worker's credentials",
    )

    def environments(self) -> list[str]:
        """All environments, in the order of their waves."""
        return [env for wave in self.waves for env in wave]

    def profile_of(self, env: str) -> str:
        """The AWS profile of an environment; empty for the worker's own credentials."""
        return (self.aws_profile or "").replace("{env}", env)


def project_of(path: Path) -> Path:
    """The project that a wave plan belongs to: the nearest folder above it with ``params/`` and ``notebooks/``.

    Raises:
        WavePlanError: There is none.
    """
    for folder in path.resolve().parents:
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise WavePlanError(
        f"{path} is in no project of the runbook: no folder above it has params/ and notebooks/.",
        fix="Keep wave plans in the project, e.g. in its folder fleet/.",
    )


def read_plan(path: Path) -> WavePlan:
    """Read a wave plan, and check it against the parameters of its environments.

    Raises:
        WavePlanError: It lists file, line, field, value and what is allowed, for each problem.
    """
    project, document = project_of(path), _read(path)
    problems, plan = list(document.problems), None
    try:
        plan = WavePlan.model_validate(document.values)
    except ValidationError as error:
        problems += [each for each in _problems(error) if each.at not in document.misread]
    problems += _twice(document.values)
    if plan and not problems:
        problems += _of_environments(plan, project)
    if problems or plan is None:
        lines = dict.fromkeys(_describe(path, document, each) for each in problems)
        raise WavePlanError("\n".join(lines), fix="Correct each line above. docs/fleet.md has an example.")
    return plan


def _read(path: Path) -> Document:
    try:
        document = Document(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WavePlanError(f"{path} can't be read: {error.strerror}.", fix="Name a wave plan that exists.") from None
    except UnicodeDecodeError as error:
        raise WavePlanError(f"{path} is not UTF-8 text: {error}.", fix="Save it as UTF-8.") from None
    except Unreadable as error:
        place = f"{path}:{error.line}" if error.line else str(path)
        raise WavePlanError(f"{place} {error}.", fix="Correct that line.") from None
    if not isinstance(document.values, dict):
        raise WavePlanError(f"{path}:1: not a mapping.", fix="Begin with `waves: [[dev], [staging], [prod]]`.")
    return document


def _problems(error: ValidationError) -> Iterator[Problem]:
    errors = error.errors()
    for each in errors:
        inside = [one for one in errors if one["loc"][: len(each["loc"])] == each["loc"] != one["loc"]]
        if not inside:  # a list that has only lost what is wrong in it is not too short
            yield _problem(each)


def _problem(error: Any) -> Problem:
    at = tuple(error["loc"])
    if error["type"] == "missing":
        return Problem(at, None, "missing; write e.g. waves: [[dev], [staging], [prod]]")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(at[-1]), WavePlan.model_fields, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        return Problem(at, None, f"unknown key{hint} Known here: {', '.join(sorted(WavePlan.model_fields))}")
    if at[0] == "waves" and error["type"] == "tuple_type":
        return Problem(at, error["input"], "write each wave as a list, e.g. [[dev], [prod-us, prod-eu]]")
    if at == ("aws_profile",):
        return Problem(at, error["input"], "write the name of an AWS profile, e.g. runbook-{env}")
    value = None if isinstance(error["input"], (dict, list)) else error["input"]
    return Problem(at, value, "write the name of a file in params/" if len(at) == 3 else explain(error))


def _twice(values: Any) -> Iterator[Problem]:
    """An environment that is named twice would be changed twice."""
    seen: dict[str, int] = {}
    waves = values.get("waves")
    for number, wave in enumerate(waves if isinstance(waves, list) else ()):
        for place, env in enumerate(wave if isinstance(wave, list) else ()):
            if isinstance(env, str):
                if env in seen:
                    yield Problem(("waves", number, place), env, f"is in wave {seen[env]} already")
                seen.setdefault(env, number + 1)


def _of_environments(plan: WavePlan, project: Path) -> Iterator[Problem]:
    """Yield why an environment cannot take part."""
    for number, wave in enumerate(plan.waves):
        for place, env in enumerate(wave):
            at = ("waves", number, place)
            try:
                params = load(params_file(project, env))
            except ParamsError as error:
                yield Problem(at, env, f"{error.what.rstrip('.')}. {error.fix}")
                continue
            if why := _approval_problem(params, needs_signers=plan.approval and number > 0):
                yield Problem(at, env, why)


def _approval_problem(params: Params, *, needs_signers: bool) -> str:
    """Why nobody could approve the plans of an environment; empty when somebody can, or nobody has to."""
    if params.approval.signers or not (params.approval.required or needs_signers):
        return ""
    why = "approval.required is true" if params.approval.required else "approval: true is for all waves but the first"
    return f"{why}, and params/{params.env}.yaml names no approval.signers: nobody could sign"


def _describe(path: Path, document: Document, problem: Problem) -> str:
    at = problem.at
    while at and at not in document.lines:
        at = at[:-1]
    value = "" if problem.value is None else f"{format_value(str(problem.value))} "
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.at).lstrip(".")
    return f"{path}:{document.lines.get(at, 1)} {field}: {one_line(value)}– {problem.why}"
