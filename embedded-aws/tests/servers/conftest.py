"""Fixtures for private servers."""

import pytest

from servers.fake import Fake


@pytest.fixture
def server(tmp_path):
    made = Fake(tmp_path)
    yield made
    made.end()
