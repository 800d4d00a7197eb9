"""An AppSpec file is parsed as by CodeDeploy's agent, with its error messages."""

import json
from pathlib import Path

import pytest

from embedded_aws.hosts.appspec import AppSpecError, Copy, Script, parse
from runbook_lib.stacks.application import server

HEAD = {"version": 0.0, "os": "linux"}


def spec(**sections):
    return parse(json.dumps(HEAD | sections))


def test_a_whole_file_is_read():
    """The one that the runbook packs for an application without its own."""
    found = parse(Path(server.__path__[0], "appspec.yml").read_text(encoding="utf-8"))
    assert Copy("/", "/opt/webapp") in found.files
    assert found.hooks["ApplicationStart"] == (Script(".runbook/hooks/application_start.sh", 1200),)
    assert found.file_exists_behavior == "OVERWRITE"


def test_missing_fields_have_awss_defaults():
    """A script has an hour; a permission applies to everything."""
    found = spec(hooks={"AfterInstall": [{"location": "a.sh"}]}, permissions=[{"object": "/a", "mode": 644}])
    assert found.hooks["AfterInstall"][0].timeout == 3600
    assert (found.permissions[0].pattern, found.permissions[0].mode) == ("**", 0o644)
    assert found.file_exists_behavior == ""


def test_a_timeout_is_read_by_its_first_digits():
    """A unit after them is ignored: `3m` is three seconds, as on an instance."""
    assert spec(hooks={"AfterInstall": [{"location": "a.sh", "timeout": "3m"}]}).hooks["AfterInstall"][0].timeout == 3


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"version": 1.0}, "invalid version value"),
        ({"os": "windows"}, "unsupported operating system"),
        ({"hooks": {"AfterInstall": [{"timeout": 3}]}}, "script with no location value"),
        ({"hooks": {"AfterInstall": [{"location": "a", "timeout": 0}]}}, "invalid timeout value"),
        ({"hooks": {"AfterInstall": "a.sh"}}, "hooks section"),
        ({"files": [{"source": "/"}]}, r"only a source file \(/\)\. Add the name of the destination file"),
        ({"files": [{"destination": "/opt"}]}, "a destination file, but no source file"),
        ({"hooks": {"AfterInstall": [{"location": "a", "timeout": "soon"}]}}, "invalid timeout value"),
        ({"files": "all"}, "files section"),
        ({"permissions": [{"mode": 644}]}, "no object value"),
        ({"permissions": [{"object": "/a", "type": ["link"]}]}, "object type not supported"),
        ({"permissions": [{"object": "/a", "mode": 999}]}, "invalid mode"),
        ({"file_exists_behavior": "MERGE"}, "invalid option"),
    ],
)
def test_mistakes_are_rejected(sections, told):
    """What would fail a real deployment fails a rehearsed one."""
    with pytest.raises(AppSpecError, match=told):
        spec(**sections)


@pytest.mark.parametrize(
    ("text", "told"), [("", "was empty"), (" \n", "was empty"), ("[", "no valid YAML"), ("- a", "no sections")]
)
def test_a_file_that_is_not_a_mapping_is_rejected(text, told):
    """Also an empty or invalid file."""
    with pytest.raises(AppSpecError, match=told):
        parse(text)
