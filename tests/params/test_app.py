"""What the application may do: mistakes in its policies are told at their line, before anything is asked of AWS."""

import pytest

from runbook_lib.params import load
from tests.params.parameter_files import at, load_error, written


def statement(folder, actions, resources):
    """The path of a parameter file, and where the statement stands in it."""
    block = f"policies:\n    statements:\n      - {{actions: {actions}, resources: {resources}}}\n"
    path = written(folder, ("policies: {statements: [], managed: []}", block))
    return path, at(path, f"- {{actions: {actions}")


@pytest.mark.parametrize(
    ("actions", "resources", "problem"),
    [
        ("['s3:GetObjekt']", "['arn:aws:s3:::b/*']", "Unknown action s3:GetObjekt"),
        ("['s4:GetObject']", "['arn:aws:s3:::b/*']", "Unknown prefix s4"),
        ("['s3:PutObject', 's3:GetObjekt']", "['arn:aws:s3:::b/*']", "Unknown action s3:GetObjekt"),
        (
            "['s3:GetObject', 's3:ListBucket']",
            "['arn:aws:s3:::b/*']",
            "s3:ListBucket works on arn:*:s3:::*, not on these resources",
        ),
    ],
)
def test_an_action_that_iam_has_not_or_on_another_kind_of_resource_is_refused(tmp_path, actions, resources, problem):
    path, place = statement(tmp_path, actions, resources)
    error = load_error(path)
    assert problem in error.what
    assert place in error.what
    assert "app.policies.managed" in error.what


@pytest.mark.parametrize(
    ("actions", "resources"),
    [
        ("['s3:GetObject']", "['*']"),
        ("['s3:Get*', 's3:ListBucket']", "['arn:aws:s3:::b', 'arn:aws:s3:::b/*']"),
        ("['s3:GetObject', 'sqs:SendMessage']", "['arn:aws:s3:::b/*', 'arn:aws:sqs:us-west-2:123456789012:q']"),
        ("['sqs:*']", "['arn:aws:sqs:*:*:orders']"),
    ],
)
def test_what_iam_has_is_accepted(tmp_path, actions, resources):
    path, _ = statement(tmp_path, actions, resources)
    assert load(path).app.policies.statements
