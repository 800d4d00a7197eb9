"""What a run is given in place of its parameter file: an earlier revision, or what is to be adopted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import paths
from ..params import Params, load, params_file
from ..runs import adoption
from ..runs.rollback import choose_revision, with_revision
from .console import print_text

Choose = Callable[[Params, Path, str], Mapping[str, Any]]
"""Returns the parameters that a run is given in place of the file's, from the file's, the root and the run's id."""


def roll_back_to(to: str) -> Choose:
    """Return what chooses the revision of a rollback, and says which one."""

    def choose(params: Params, root: Path, run_id: str) -> Mapping[str, Any]:
        chosen = choose_revision(params, root, run_id, to)
        print_text(f"To {chosen.revision}, as deployed on {chosen.completed} by {chosen.id}.")
        return with_revision(params, chosen.name)

    return choose


def adopt_pairs(env: str, pairs: Iterable[tuple[str, str]]) -> tuple[Sequence[str], Choose]:
    """Return the notebooks of a run that adopts, and what chooses its parameters.

    Args:
        pairs: A key and an id each.
    """
    given, notebooks = adoption.adopt(load(params_file(paths.root(), env)), pairs)
    return notebooks, lambda *_: given
