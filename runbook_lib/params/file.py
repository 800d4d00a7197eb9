"""Read ``params/<env>.yaml``, and report all problems in it at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ..errors import ParamsError, UnknownEnvironment
from ..formatting import format_value, one_line
from ..paths import for_shell
from .document import Document, Unreadable
from .fields import ENV
from .model import Params
from .problem import Problem
from .regions import is_usable, missing_root
from .rules import find_problems
from .words import explain

_LONGEST_ENV = 64
"""Characters; names in AWS allow far fewer, and no file has a name of thousands."""


def params_file(root: Path, env: str) -> Path:
    """The parameter file of an environment.

    Raises:
        UnknownEnvironment: That is no environment's name; a path would lead out of ``params/`` and ``artifacts/``.
    """
    path = root / "params" / f"{env}.yaml"
    if not re.fullmatch(ENV, env) or len(env) > _LONGEST_ENV:
        raise _unknown_environment(path)
    return path


def load(path: Path, overrides: Mapping[str, Any] | None = None) -> Params:
    """Read and check the parameters of one environment.

    Args:
        path: ``params/<env>.yaml``; the file is named after the environment.
        overrides: Top-level values of the run (``papermill -f`` or ``-p``), used in place of the file's.

    Raises:
        ParamsError: Lists file, line, field, value and what is allowed, for each problem.
    """
    file = _File(path, overrides or {})
    raw = {**file.values, **file.overrides}
    others = [*_model_problems(raw), *find_problems(raw), *_name_problems(raw, path), *_root_problems(raw)]
    # A value that YAML misreads has no other problem that is worth a line.
    problems = [*file.problems, *(problem for problem in others if problem.at not in file.misread)]
    if problems:
        lines = dict.fromkeys(file.describe(problem) for problem in sorted(problems, key=file.line))
        raise ParamsError("\n".join(lines), fix="Correct each line above, then run this again.")
    return Params.model_validate(raw)


@dataclass
class _File:
    """A parameter file: its values, and the line of each."""

    path: Path
    overrides: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.problems: list[Problem] = []
        self.misread: set[tuple[Any, ...]] = set()
        self.lines: dict[tuple[Any, ...], int] = {}
        self.values: dict[str, Any] = {}
        if self.path.is_file() or not self.overrides:
            self._read()

    def _read(self) -> None:
        try:
            document = Document(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise _unknown_environment(self.path) from None
        except UnicodeDecodeError as error:
            raise ParamsError(f"{self.path} is not UTF-8 text: {error}.", fix="Save it as UTF-8.") from None
        except OSError as error:
            raise ParamsError(
                f"{self.path} can't be read: {error.strerror}.",
                fix=f"Make it readable: chmod u+r {for_shell(self.path)}",
            ) from None
        except Unreadable as error:
            place = f"{self.path}:{error.line}" if error.line else str(self.path)
            fix = (
                "Correct that line, then run this again."
                if error.line
                else "Make it smaller: one environment has no more."
            )
            raise ParamsError(f"{place} {error}.", fix=fix) from None
        if not isinstance(document.values, dict):
            raise ParamsError(f"{self.path}:1: not a mapping.", fix="Start from another file in params/.")
        self.lines, self.values = document.lines, document.values
        self.problems = [problem for problem in document.problems if problem.at[0] not in self.overrides]
        self.misread = {at for at in document.misread if at[0] not in self.overrides}

    def line(self, problem: Problem) -> int:
        at = problem.at
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)

    def describe(self, problem: Problem) -> str:
        dotted = ".".join(map(str, problem.at))
        source = "parameter" if problem.at[0] in self.overrides else f"{self.path}:{self.line(problem)}"
        value = "" if problem.value is None else f"{format_value(str(problem.value))} "
        return f"{source} {dotted}: {value}– {problem.why}{self._papermill_advice(problem)}"

    def _papermill_advice(self, problem: Problem) -> str:
        """How to pass a text that papermill's ``-p`` has made a number, true, false or nothing."""
        name = problem.at[0]
        if name not in self.overrides or isinstance(self.overrides[name], (str, list, dict)):
            return ""
        return f"; with papermill, pass it as a text: -r {name} VALUE"


def _model_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        Params.model_validate(raw)
    except ValidationError as error:
        errors = error.errors()
        places = [e["loc"] for e in errors]
        for e in errors:
            if any(place[: len(e["loc"])] == e["loc"] != place for place in places):
                continue  # a list that is too short: it only lacks the items that are wrong
            at = tuple(part for part in e["loc"] if part != "[key]")
            if e["type"] == "extra_forbidden":
                yield Problem(at, None, _unknown_key(at))
            elif e["type"] == "missing":
                yield Problem(at, None, "missing; see the comments in another file of params/")
            else:
                value = None if isinstance(e["input"], (dict, list)) else _as_written(e["input"])
                yield Problem(at, value, explain(e))


def _as_written(value: Any) -> str:
    """A value as it may stand in the file, so that its blanks are seen."""
    return repr(value) if isinstance(value, str) else format_value(value)


def _name_problems(raw: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    env = raw.get("env")
    if isinstance(env, str) and env != path.stem:
        yield Problem(("env",), env, f"differs from the file's name; it must be {path.stem}")


def _root_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The sample application verifies the database with the root certificates in the bundle."""
    region, deploy = raw.get("region"), raw.get("deploy")
    from_s3 = not isinstance(deploy, Mapping) or deploy.get("source", "s3") == "s3"
    if from_s3 and isinstance(region, str) and is_usable(region) and (why := missing_root(region)):
        yield Problem(("region",), region, why)


def _unknown_key(at: tuple[Any, ...]) -> str:
    known = _keys(Params, at[:-1])
    near = difflib.get_close_matches(str(at[-1]), known)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f"unknown key{hint} Known here: {', '.join(known)}"


def _keys(model: Any, at: tuple[Any, ...]) -> list[str]:
    for part in at:
        if _is_model(model):
            model = model.model_fields[part].annotation if part in model.model_fields else None
        else:  # a key of a mapping, e.g. a zone: the annotation has the model of its values
            model = next(filter(_is_model, get_args(model)), None)
        if type(None) in get_args(model):
            model = next(filter(_is_model, get_args(model)), None)
    return sorted(model.model_fields) if _is_model(model) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type(BaseModel))


def _unknown_environment(path: Path) -> UnknownEnvironment:
    folder = next((parent for parent in path.parents if parent.name == "params"), path.parent)  # not that of ../x
    known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml"))) or "none"
    what = f"There is no environment {path.stem!r}: no {one_line(str(path))}."
    return UnknownEnvironment(what, fix=f"Use one of: {known}.")
