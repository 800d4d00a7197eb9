"""One whole environment for the tests that break a thing, look, and mend it."""

from types import SimpleNamespace

import pytest

from runbook_lib.params import Params
from runbook_lib.stacks.checks.claims import claims
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

    def look(settings=params, only=None):
        """All claims that do not hold, with what was found."""
        found = {}
        for stack in stacks:
            checks = [each for each in claims(stack, settings) if only is None or each.claim.startswith(only)]
            if checks:
                state = engine.survey(stack, refresh=True)
                found |= {each.claim: each.probe(engine.snapshot, state) for each in checks}
        return found

    return SimpleNamespace(aws=aws_server, look=look, params=params, stacks=stacks, engine=engine)
