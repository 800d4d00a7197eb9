"""Make something ours that is not tagged so: what lost its tags, or what somebody made for this environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ..errors import ParamsError, WrongUsage
from ..params import Params
from ..stacks.environment import stacks
from .runner import NOTEBOOKS


def adopt(params: Params, pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Return the section ``adopt`` for a run, in place of the file's, and the notebooks that have these resources.

    Args:
        pairs: Keys, each with the id, ARN or name of what becomes that resource.

    Raises:
        WrongUsage: A key is given twice, or is that of no resource.
    """
    given = [*pairs]
    wanted = dict(given)
    if len(wanted) < len(given):
        raise WrongUsage("A key is given twice.", fix="Give each key once: only one thing can be that resource.")
    owners = _owners(params)
    if problems := _problems(wanted, owners):
        raise WrongUsage("\n".join(problems), fix="Copy the key from a plan, e.g. subnet.public-us-west-2a.")
    notebooks = {owners[key] for key in wanted}
    return {"adopt": {**params.adopt, **wanted}}, tuple(name for name in NOTEBOOKS if name in notebooks)


def check_adopted(params: Params) -> None:
    """Check that the parameters adopt only what they ask for.

    Raises:
        ParamsError: A key is that of no resource.
    """
    if params.adopt and (problems := _problems(params.adopt, _owners(params))):
        fix = f"Correct or remove it in params/{params.env}.yaml, adopt."
        raise ParamsError("\n".join(problems), fix=fix)


def _owners(params: Params) -> Mapping[str, str]:
    """The notebook of each resource, by its key."""
    by_stack = {name.partition("_")[2]: name for name in NOTEBOOKS}
    return {resource.key: by_stack[stack.name] for stack in stacks(params) for resource in stack}


def _problems(wanted: Iterable[str], owners: Mapping[str, str]) -> list[str]:
    problems = []
    for key in wanted:
        if key not in owners:
            similar = get_close_matches(key, owners, 1)
            problems.append(f"adopt: {key} is no resource of these parameters{_suggest(similar)}.")
    return problems


def _suggest(similar: list[str]) -> str:
    return f"; did you mean {similar[0]}" if similar else ""
