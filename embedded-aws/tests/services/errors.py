"""What a call is refused with."""

from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


@contextmanager
def refused(code, words=""):
    """The calls inside are refused with AWS's code, and a message that has these words."""
    with pytest.raises(ClientError) as raised:
        yield
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    assert words in error["Message"]


@contextmanager
def untouched(*listings):
    """The calls inside change nothing of what these calls list."""

    def told():
        answers = [listing() for listing in listings]
        return [{key: value for key, value in answer.items() if key != "ResponseMetadata"} for answer in answers]

    before = told()
    yield
    assert told() == before
