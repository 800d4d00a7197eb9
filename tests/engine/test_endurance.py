"""The embedded AWS is where it was after many cycles of apply and destroy: nothing in it grows."""

import psutil
import pytest

from benchmarks.memory import growth, measure
from embedded_aws.testing import embedded
from tests.support.call_recorder import Wire
from tests.support.stack_runs import PARAMS, Runs, environment

CYCLES, SETTLED = 5, 3
MEGABYTES_PER_CYCLE = 4.0
"""What an allocator may take and give back; it was forty."""


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_five_cycles_take_no_more_memory_nor_files_than_three(tmp_path):
    with embedded(tmp_path / "aws") as aws:
        server = psutil.Process(aws.address.process.pid)
        runs, stacks = Runs(aws, tmp_path, Wire()), environment(PARAMS, tmp_path)
        samples = []
        for _ in range(CYCLES):
            runs.build(*stacks)
            runs.remove(*stacks)
            samples.append(measure(server))
    grown = growth(samples[SETTLED - 1 :])
    assert grown.megabytes <= MEGABYTES_PER_CYCLE, samples
    assert grown.files <= 0, samples
    assert grown.threads <= 0, samples
