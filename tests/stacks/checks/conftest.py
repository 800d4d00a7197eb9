"""One whole environment for the tests that break a thing, look, and mend it."""

from types import SimpleNamespace

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.params import Params
from runbook_lib.stacks.checks.claims import claims
from runbook_lib.stacks.checks.controls import controls
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs, environment


@pytest.fixture(scope="package")
def built(aws_server, tmp_path_factory):
    """The environment `local` with a repository that may deploy; its claims by their numbers."""
    aws_server.reset()
    raw = PARAMS.model_dump(mode="json") | {"github": {"repository": "owner/name", "environments": ["local-deploy"]}}
    params, folder = Params.model_validate(raw), tmp_path_factory.mktemp("built")
    stacks = environment(params, folder)
    runs = Runs(aws_server, folder, Wire())
    runs.build(*stacks)
    engine = runs.engine()

    state = engine.survey(stacks[-1], refresh=True)  # ids, which no breakage changes; the rest is read anew

    def look(settings=params, kinds=(claims, controls)):
        """All claims and controls with what they found now."""
        snapshot = Snapshot(engine.aws)
        checks = [check for kind in kinds for stack in stacks for check in kind(stack, settings)]
        return {check.claim: check.probe(snapshot, state) for check in checks}

    return SimpleNamespace(aws=aws_server, look=look, params=params, stacks=stacks, engine=engine)
