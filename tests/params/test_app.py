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


def block(folder, section, **entries):
    """A parameter file with a section of ``app``, one line for each entry."""
    lines = "".join(f'    {name}: "{value}"\n' for name, value in entries.items())
    return written(folder, (f"  {section}: {{}}", f"  {section}:\n{lines}  # "))


SETTINGS = {
    "STRIPE": "sk_live_abcdefghijklmnopqrstuvwx", "DB": "mysql://u:pw@h/d", "CACHE": "redis://:pw@h:6379",
    "MAIL": "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz", "CHAT": "https://hooks.slack.com/services/T0/B0/x",
    "SECRET_KEY": "django-insecure-x", "RAILS_MASTER_KEY": "x", "SECRET_KEY_BASE": "x", "MAIL_PASS": "x",
    "HEX": "0123456789abcdef0123456789abcdef", "ODBC": "Server=db;Password=hunter2", "JSON": "{'password': 'x'}",
    "HEADER": "Bearer abcdefghijklmnop", "RANDOM": "Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3Ab3",
    "KEY": "-----BEGIN PRIVATE KEY-----",
}  # fmt: skip


def test_every_setting_that_looks_like_a_secret_is_told_at_its_own_line_without_its_value(tmp_path):
    path = block(tmp_path, "environment", FIRST="a", **SETTINGS)
    what = load_error(path).what
    lines = what.splitlines()
    for name, value in SETTINGS.items():
        (line,) = [line for line in lines if f" app.environment.{name}: " in line]
        assert line.startswith(at(path, f"    {name}: "))
        assert "looks like a secret" in line
        assert len(value) < 3 or value not in what
    assert "environment.FIRST" not in what


@pytest.mark.parametrize(
    "value",
    ["hello", "https://example.com/a?b=c", "5", "0123456789abcdef0123456789abcdef01234567", "info,debug", "basic",
     "a@b.c", "https://abcdef0123456789@o1.ingest.sentry.io/1", "secretary", "pass: yes"],
)  # fmt: skip
def test_a_setting_that_is_none_is_accepted(tmp_path, value):
    assert load(block(tmp_path, "environment", GREETING=value)).app.environment == {"GREETING": value}


def test_every_secret_that_is_no_name_is_told_at_its_own_line(tmp_path):
    """A secret of another region cannot be read: the servers ask their own."""
    given = {
        "A": "sk_live_abcdefghijklmnopqrstuvwx", "B": "two words", "PORT": "prod/x",
        "D": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-abcdef",
    }  # fmt: skip
    path = block(tmp_path, "secrets", FINE="prod/stripe", **given)
    what = load_error(path).what
    lines = dict(zip(given, what.splitlines(), strict=False))
    for name in given:
        assert lines[name].startswith(f"{at(path, f'    {name}: ')} app.secrets.{name}: ")
    assert "is no name" in lines["A"]
    assert "is no name" in lines["B"]
    assert "set by the runbook" in lines["PORT"]
    assert "is not in us-west-2" in lines["D"]
    assert given["A"] not in what


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f"])
def test_what_turns_the_direction_of_writing_is_refused_with_its_line(tmp_path, mark):
    """A reviewer would read another value than the one that is applied."""
    path = block(tmp_path, "environment", GREETING=f"a{mark}b")
    assert f"{at(path, '    GREETING: ')} is not YAML for parameters: it has the character" in load_error(path).what
