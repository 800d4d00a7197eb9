"""A plug-in of pytest that measures the coverage: `PYTEST_PLUGINS=tests.measure`, also with `--numprocesses`.

pytest-cov begins after the conftests have imported the library, so that every `def` would count as not reached. Then
`python -m tests.unreached` combines what the processes have written. Kernels and servers are not measured.
"""

import coverage

_coverage = coverage.Coverage(data_suffix=True)
_coverage.start()


def pytest_unconfigure() -> None:
    _coverage.stop()
    _coverage.save()
