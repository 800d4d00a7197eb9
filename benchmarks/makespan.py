"""How long an apply and a destroy take beside the critical path of AWS's own times, and what waited for what.

    .venv/bin/python -m benchmarks.makespan               # at AWS's pace: eight minutes, and four for the destroy
    .venv/bin/python -m benchmarks.makespan --pace 0.1    # a tenth of it; our own time then weighs ten times as much

The real commands run against an embedded AWS of their own.  The path is that of `embedded_aws/timings.yaml` through the
dependencies of the stacks: what it would take if nothing but AWS took time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import yaml

import embedded_aws
from runbook_lib.journal.reader import JOURNAL, events_of
from runbook_lib.journal.timeline import build_timeline
from runbook_lib.params import Params, load
from runbook_lib.resources.base import Resource
from runbook_lib.resources.configuration_parameter import ConfigurationParameter
from runbook_lib.stacks.environment import whole

ROOT = Path(__file__).parents[1]
RUNBOOK = str(Path(sys.executable).with_name("runbook"))
LIMITS = {"apply": 1.05, "destroy": 1.15}
"""How much longer than the critical path they may take."""
_CALLED = {"redirect_listener": "listener"}
"""What the timings call a kind that has another name there."""


def main() -> int:
    """Returns the exit code: 0 when both are within their limits."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pace", type=float, default=1.0, help="the share of AWS's time")
    pace: float = parser.parse_args().pace
    with tempfile.TemporaryDirectory(prefix="makespan-") as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "params", root / "params")
        params = load(root / "params" / "local.yaml")
        _run(root, "app", "check")  # which downloads the application's wheels, once in a checkout
        _run(root, "local", "up", "--pace", str(pace))
        try:
            took = {
                "apply": _time(root, "apply", "--env", "local"),
                "destroy": _time(root, "destroy", "--env", "local", "--confirm", "local"),
            }
        finally:
            _run(root, "local", "down", "--forget")
        paths = {"apply": _path_of_apply(params), "destroy": _path_of_destroy(params)}
        print(f"\nAt a pace of {pace:g}:\n")
        print(f"{'':8} {'took':>8} {'path':>8} {'ratio':>6}  limit")
        ratios = {verb: took[verb] / (pace * paths[verb][0]) for verb in took}
        for verb, ratio in ratios.items():
            print(f"{verb:8} {took[verb]:6.0f} s {pace * paths[verb][0]:6.0f} s {ratio:6.2f}  {LIMITS[verb]:g}")
        for verb, (_, keys) in paths.items():
            print(f"\nThe critical path of {verb}: {', '.join(keys)}")
            _print_waits(root, verb)
        return int(any(ratio > LIMITS[verb] for verb, ratio in ratios.items()))


def _path_of_apply(params: Params) -> tuple[float, list[str]]:
    """Seconds of the longest chain of dependencies, each from its beginning until it is ready, and the chain.

    The release follows what its servers read: its notebook has that in an earlier cell.
    """
    resources = list(whole(params))
    ends = _ends(resources, lambda one: one.dependencies, lambda one: _seconds("create", one, params))
    at, chain = max(ends[one] for one in resources if isinstance(one, ConfigurationParameter))
    release = len(params.network.zones) * float(_timings("create")["deployment_per_instance"])  # one server at a time
    return max((at + release, [*chain, f"release.web {release:g} s"]), *ends.values())


def _path_of_destroy(params: Params) -> tuple[float, list[str]]:
    """The same of a destroy, in which each waits for those that depend on it."""
    resources = [resource for resource in whole(params) if not resource.retain]
    users = {one: [user for user in resources if one in user.dependencies] for one in resources}
    return max(_ends(resources, lambda one: users.get(one, ()), lambda one: _seconds("delete", one, params)).values())


def _ends(
    resources: Iterable[Resource],
    before: Callable[[Resource], Iterable[Resource]],
    seconds: Callable[[Resource], float],
) -> dict[Resource, tuple[float, list[str]]]:
    """When each is ready at the earliest, and what that is the sum of."""
    known: dict[Resource, tuple[float, list[str]]] = {}

    def end(resource: Resource) -> tuple[float, list[str]]:
        if resource not in known:
            at, chain = max(map(end, before(resource)), default=(0.0, []))
            own = seconds(resource)
            known[resource] = (at + own, [*chain, f"{resource.key} {own:g} s"] if own else chain)
        return known[resource]

    return {resource: end(resource) for resource in resources}


def _seconds(what: str, resource: Resource, params: Params) -> float:
    """What AWS takes for it at its own pace."""
    timings, kind = _timings(what), resource.key.partition(".")[0]
    if what == "create" and kind == "auto_scaling_group":
        return float(timings["auto_scaling_instance"] + timings["target_health"])
    if what == "delete" and kind == "db_instance":  # its interface stays in the subnet for a while
        return float(timings[kind] + timings["service_interface"])
    if what == "create" and kind == "db_instance" and params.data.multi_az:
        kind = "db_instance_multi_az"
    return float(timings.get(_CALLED.get(kind, kind), 0))


@cache
def _timings(what: str) -> dict[str, float]:
    path = Path(embedded_aws.__file__).parent / "timings.yaml"
    timings: dict[str, float] = yaml.safe_load(path.read_text("utf-8"))[what]
    return timings


def _print_waits(root: Path, verb: str) -> None:
    """Each change on the critical path of the run itself: when it began and ended, in seconds of the run."""
    (run,) = (root / "artifacts" / "local").glob(f"*-{verb}-*/{JOURNAL}")
    timeline = build_timeline(events_of(run))
    print(f"What waited for what, of {timeline.makespan:.0f} s:")
    for span, until in timeline.critical:
        print(f"  {span.notebook:10} {span.key:40} {span.queued:6.0f} {span.started:6.0f} → {until:6.0f}")


def _time(root: Path, *arguments: str) -> float:
    began = time.monotonic()
    _run(root, *arguments)
    return time.monotonic() - began


def _run(root: Path, *arguments: str) -> None:
    """Run the command; what it says is shown where it fails."""
    environment = {**os.environ, "RUNBOOK_ROOT": str(root)}
    done = subprocess.run([RUNBOOK, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"runbook {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
