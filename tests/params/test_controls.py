"""Exceptions for security controls in the parameters: known ids, a reason, a date; each mistake at its line."""

import re
from datetime import date
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.params import load
from runbook_lib.params.controls import CONTROLS
from tests.params.parameter_files import PARAMS, at, problems, written

DOCUMENT = Path(runbook_lib.__file__).parents[1] / "docs" / "controls.md"
GOOD = "    - control: EC2.10\n"


def test_an_exception_has_a_control_a_reason_resources_and_a_last_day(tmp_path):
    more = f"    - {{control: S3.13, resources: [bucket.runbook], reason: for a test, expires: 2027-01-31}}\n{GOOD}"
    found = {each.control: each for each in load(written(tmp_path, (GOOD, more))).controls.exceptions}
    assert found["S3.13"].expires == date(2027, 1, 31)
    assert found["S3.13"].resources == ("bucket.runbook",)
    assert found["EC2.9"].expires is None
    assert found["EC2.9"].resources == ("instance.bastion",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("control: EC2.999", "there is no such control"),
        ("control: ec2.9", "there is no such control; did you mean EC2.9?"),
        ("control: S3.13\n      reason: because", "write on one line why the control does not hold here"),
        ("control: S3.13\n      reason: it is so\n      expires: next year", "write a date as 2027-01-31"),
        ("control: S3.13\n      reason: it is so\n      expires: 2027-02-30", "write a date as 2027-01-31"),
        ("control: S3.13\n      reason: it is so\n      until: soon", "unknown key"),
    ],
)
def test_a_wrong_exception_is_refused_at_its_line(tmp_path, line, why):
    reason = "" if "reason" in line else "\n      reason: it is so"
    path = written(tmp_path, (GOOD, f"    - {line}{reason}\n{GOOD}"))
    found = problems(path)
    assert len(found) == 1, found
    assert why in found[0]
    assert found[0].startswith(at(path, line.splitlines()[-1].strip()))


def test_an_exception_without_a_reason_is_refused(tmp_path):
    (found,) = problems(written(tmp_path, (GOOD, f"    - control: S3.13\n{GOOD}")))
    assert "reason" in found
    assert "missing" in found


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_no_exception_of_ours_expires(env):
    """Otherwise a copy of the file would fail one day."""
    assert {each.expires for each in load(PARAMS / f"{env}.yaml").controls.exceptions} == {None}


def test_the_document_lists_every_control_with_its_page():
    rows = re.findall(r"^\| \[([A-Za-z0-9]+\.\d+)\]\((\S+)\) \| (\w+) \| (.*?) \| (.*?) \|$",
                      DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)  # fmt: skip
    assert rows == [(each.id, each.source, each.severity, each.cis, each.title) for each in CONTROLS.values()]
