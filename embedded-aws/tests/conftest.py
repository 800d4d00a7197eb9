"""What the tests of the embedded AWS share."""

import pytest
from click.testing import CliRunner

from embedded_aws.testing import aws, aws_server  # noqa: F401


@pytest.fixture
def runner():
    """Runs a command and returns what it said; its errors are raised."""

    def run(command, arguments):
        return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False).output

    return run
