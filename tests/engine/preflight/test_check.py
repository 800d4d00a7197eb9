"""What an operator reads when rows of the preflight have failed."""

import pytest

from runbook_lib.engine.preflight.check import raise_if_failed
from runbook_lib.engine.preflight.row import FAILED, NOT_ASKED, PASSED, Prerequisite
from runbook_lib.errors import PreflightFailed


def test_each_failed_row_is_named_and_what_to_do_where_somebody_knows():
    rows = [
        Prerequisite("VPCs", FAILED, "5 of 5 are used", "Ask for more."),
        Prerequisite("region", PASSED, "us-west-2"),
        Prerequisite("hosted zone", FAILED, "it does not exist"),
        Prerequisite("quota", NOT_ASKED, "AccessDenied"),
    ]
    with pytest.raises(PreflightFailed) as failed:
        raise_if_failed(rows)
    assert failed.value.what == (
        "2 rows of the preflight failed; nothing was written.\n"
        "✗ VPCs: 5 of 5 are used\n    Ask for more.\n"
        "✗ hosted zone: it does not exist"
    )
    assert "--skip-preflight REASON" in failed.value.fix


def test_what_passed_or_could_not_be_asked_stops_nothing():
    raise_if_failed([Prerequisite("region", PASSED, "us-west-2"), Prerequisite("quota", NOT_ASKED, "AccessDenied")])
    raise_if_failed([])
