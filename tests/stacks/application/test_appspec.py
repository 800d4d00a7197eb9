"""An AppSpec file of one's own is checked by CodeDeploy's rules, and keeps what stands in it."""

import pytest
import yaml

from embedded_aws.hosts import appspec as agent
from runbook_lib.stacks.application.appspec import EVENTS, merge, parse
from runbook_lib.stacks.application.files import PackedFile

HEAD = "version: 0.0\nos: linux\nfiles: [{source: /, destination: /opt/webapp}]\n"
PACKED = {
    "appspec.yml": PackedFile(b""),
    "hooks/a.sh": PackedFile(b"#!/bin/sh\n", executable=True),
    "hooks/plain.sh": PackedFile(b"#!/bin/sh\n"),
    "hooks/text.sh": PackedFile(b"echo\n", executable=True),
}


def findings(text):
    return parse("appspec.yml", text.encode(), PACKED).findings


def test_a_file_of_every_section_is_right():
    text = """\
    # JSON's style and anchors are YAML
    version: 0.0
    os: linux
    files:
      - {source: /, destination: /opt/webapp}
      - {source: hooks/a.sh, destination: /usr/local/bin}
      - &folder {source: hooks, destination: /opt/hooks}
    file_exists_behavior: OVERWRITE
    permissions:
      - {object: /opt/webapp, pattern: "*.sh", except: [x], owner: root, group: root, mode: 755, type: [file]}
      - {object: /opt/hooks, mode: "0644", acls: ["u:a:rw"], context: {user: a, type: b, range: s0}}
    hooks:
      ApplicationStop: [{location: hooks/a.sh, timeout: 3600, runas: root}]
      AfterInstall: [{location: ./hooks/a.sh, timeout: "60"}, {location: hooks/a.sh}]
      ValidateService:
    """
    assert findings(text) == ()


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_of_a_server_can_have_scripts(event):
    assert findings(f"{HEAD}hooks: {{{event}: [{{location: hooks/a.sh}}]}}\n") == ()


#: Mistakes that the agent rejects when it parses the file.
REJECTED = [
    ("version: 1.0\nos: linux\n", "appspec.yml:1", "version is 1.0", "version: 0.0"),
    ("os: linux\n", "appspec.yml:1", "version is missing", "version: 0.0"),
    ("version: 0.0\nos: windows\n", "appspec.yml:2", "os is 'windows'", "os: linux"),
    (f"{HEAD}file_exists_behavior: MERGE\n", "appspec.yml:4", "is 'MERGE'", "DISALLOW, OVERWRITE, RETAIN"),
    ("version: 0.0\nos: linux\nfiles: all\n", "appspec.yml:3", "files is not a list", "dash"),
    ("version: 0.0\nos: linux\nfiles:\n- source: /\n", "appspec.yml:4", "no destination", "Add destination"),
    ("version: 0.0\nos: linux\nfiles:\n- destination: /a\n", "appspec.yml:4", "no source", "Add source"),
    (f"{HEAD}permissions:\n- mode: 644\n", "appspec.yml:5", "has no object", "Add object"),
    (f"{HEAD}permissions:\n- object: /a\n  mode: 999\n", "appspec.yml:6", "mode is 999", "octal digits in quotes"),
    (f"{HEAD}permissions:\n- object: /a\n  mode: 0755\n", "appspec.yml:6", "how YAML reads 0755", '"755" in quotes'),
    (f"{HEAD}permissions:\n- object: /a\n  type: [link]\n", "appspec.yml:6", "type is ['link']", "file, directory"),
    (f"{HEAD}hooks: [a]\n", "appspec.yml:4", "not a mapping", "AfterInstall:"),
    (f"{HEAD}hooks:\n  AfterInstall: a.sh\n", "appspec.yml:5", "AfterInstall is not a list", "dash"),
    (f"{HEAD}hooks:\n  AfterInstall:\n  - timeout: 3\n", "appspec.yml:6", "no location", "Add location"),
    (
        f"{HEAD}hooks:\n  AfterInstall:\n  - location: hooks/a.sh\n    timeout: soon\n",
        "appspec.yml:7", "timeout is 'soon'", "whole seconds from 1 to 3600",
    ),
    ("", "appspec.yml:1", "no sections", "write a Procfile"),
    ("a: [\n", "appspec.yml:2", "is not YAML", "Correct"),
]  # fmt: skip
#: Mistakes that end a deployment later, or are not what was meant.
MORE = [
    (f"{HEAD}hooks:\n  Install: [{{location: hooks/a.sh}}]\n", "appspec.yml:5", "Install cannot have", "AfterInstall"),
    (f"{HEAD}hooks:\n  Installed: []\n", "appspec.yml:5", "Installed is not an event", "AfterInstall"),
    (f"{HEAD}hooks:\n  AfterInstall: [{{location: b.sh}}]\n", "appspec.yml:5", "b.sh is not in the bundle", "Add"),
    (f"{HEAD}hooks:\n  AfterInstall: [{{location: /b.sh}}]\n", "appspec.yml:5", "not a path in", "relative"),
    (f"{HEAD}hooks:\n  AfterInstall: [{{location: ../b.sh}}]\n", "appspec.yml:5", "not a path in", "relative"),
    (f"{HEAD}hooks:\n  AfterInstall: [{{location: hooks/plain.sh}}]\n", "hooks/plain.sh", "not executable", "chmod +x"),
    (f"{HEAD}hooks:\n  AfterInstall: [{{location: hooks/text.sh}}]\n", "hooks/text.sh:1", "with #!", "#!/bin/sh"),
    (
        f"{HEAD}hooks:\n  BeforeInstall:\n  - {{location: hooks/a.sh, timeout: 3000}}\n"
        "  - {location: hooks/a.sh, timeout: 601}\n",
        "appspec.yml:5", "BeforeInstall may take 3601 seconds", "shorter",
    ),
    (
        f"{HEAD}hooks:\n  AfterInstall:\n  - {{location: hooks/a.sh, timeout: 3301}}\n",
        "appspec.yml:5", "3601 seconds, 300 of them for the runbook", "shorter",
    ),
    (HEAD.replace("/,", "/b,"), "appspec.yml:3", "/b is not in the bundle", "app check"),
    (HEAD.replace("/opt", "opt"), "appspec.yml:3", "opt/webapp is not an absolute path", "slash"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "what", "fix"), REJECTED + MORE)
def test_a_mistake_is_told_with_its_line_and_what_to_write(text, place, what, fix):
    finding = findings(text)[0]
    assert finding.place == place
    assert what in finding.what
    assert fix in finding.fix
    assert finding.is_problem


@pytest.mark.parametrize("text", [text for text, *_ in REJECTED])
def test_the_agent_rejects_it_too(text):
    """As the embedded AWS plays it, in the agent's own words: both keep the same rules."""
    with pytest.raises(agent.AppSpecError):
        agent.parse(text)


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (f"{HEAD}hook: {{}}\n", "appspec.yml:4", "CodeDeploy does not know hook"),
        (f"{HEAD}hooks:\n  AfterInstall:\n  - location: hooks/a.sh\n    timout: 3\n", "appspec.yml:7", "timout"),
        (f"{HEAD}permissions:\n- object: /a\n  mode: 0644\n", "appspec.yml:6", "mode is 420"),
    ],
)
def test_what_may_be_meant_otherwise_is_a_warning(text, place, what):
    finding = findings(text)[0]
    assert (finding.place, finding.is_problem) == (place, False)
    assert what in finding.what


def test_all_mistakes_are_told_together():
    text = "version: 1\nos: mac\nfiles:\n- source: /\nhooks:\n  Never: []\n"
    assert [each.place for each in findings(text) if each.is_problem] == [f"appspec.yml:{n}" for n in (1, 2, 4, 6)]


def test_what_is_added_leaves_the_rest_as_it_was():
    text = f"{HEAD}# why\nx-note: ü\nhooks:\n  ApplicationStart: [{{location: hooks/a.sh}}]\n  ValidateService:\n"
    before = parse("appspec.yml", text.encode(), PACKED).values
    merged = merge(before)
    assert yaml.safe_load(merged) == {
        "version": 0.0,
        "os": "linux",
        "files": [{"source": "/", "destination": "/opt/webapp"}, {"source": ".runbook", "destination": "/opt/runbook"}],
        "x-note": "ü",
        "hooks": {
            "ApplicationStart": [{"location": "hooks/a.sh"}],
            "ValidateService": [{"location": ".runbook/hooks/validate.sh", "timeout": 300}],
            "AfterInstall": [{"location": ".runbook/hooks/prepare.sh", "timeout": 300}],
        },
    }
    assert agent.parse(merged.decode()).hooks["ValidateService"][-1].timeout == 300
    assert parse("appspec.yml", text.encode(), PACKED).values == before


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: &a [x]\nfiles: *a\n", "appspec.yml:2: uses the alias *a."),
        ("version: 0.0\nfiles: &f [*f]\n", "appspec.yml:2: uses the alias *f."),
        ("a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)), "alias *a0"),
        ("version: 0.0\nfiles: " + "[" * 3000, "appspec.yml:2: is more than 20 levels deep."),
    ],
    ids=["alias", "to itself", "bomb", "deep"],
)
def test_what_would_keep_a_reader_for_ever_is_refused_at_its_line(text, what):
    """A bomb hung, and the others ended in a traceback."""
    (finding,) = findings(text)
    assert what in str(finding)
