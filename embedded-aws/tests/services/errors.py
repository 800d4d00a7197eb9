"""Assertions about calls that AWS rejects."""

from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def raises(code, message=""):
    """Assert that a call in the block is rejected with an AWS error code, and a message that contains the text."""
    with pytest.raises(ClientError) as raised:
        yield
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    assert message in error["Message"]


@contextmanager
def unchanged(*listings):
    """Assert that the block does not change the responses of these calls."""

    def read():
        responses = [listing() for listing in listings]
        return [{key: value for key, value in response.items() if key != "ResponseMetadata"} for response in responses]

    before = read()
    yield
    assert read() == before
