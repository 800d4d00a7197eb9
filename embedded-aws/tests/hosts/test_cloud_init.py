"""User data is parsed as by cloud-init."""

import pytest

from embedded_aws.hosts.cloud_init import UserDataError, parse_user_data

INSTANCE = {"instance_id": "i-1", "availability_zone": "us-west-2b", "region": "us-west-2"}
UNIT = """#cloud-config
write_files:
  - path: /etc/systemd/system/a.service
    content: |
      [Unit]
      Conflicts=b.service c.service
      [Service]
      Environment=A=1
      Environment=B=2
      ExecStart=-/usr/bin/python3.11 -m http.server 8080 --directory '/opt/a b'
runcmd:
"""


def test_metadata_is_filled_in():
    """Unknown variables show their name."""
    text = "## template: jinja\n#cloud-config\nwrite_files: [{path: /a, content: '{{ v1.instance_id }} {{ v1.no }}'}]\n"
    assert parse_user_data(text, INSTANCE).files[0].content == "i-1 CI_MISSING_JINJA_VAR/no"


def test_without_the_header_nothing_is_filled_in():
    """Braces are plain text then."""
    text = "#cloud-config\nwrite_files: [{path: /a, content: '{{ v1.instance_id }}', permissions: '0755'}]\n"
    file = parse_user_data(text, INSTANCE).files[0]
    assert (file.path, file.content, file.mode) == ("a", "{{ v1.instance_id }}", 0o755)


@pytest.mark.parametrize(
    ("command", "starts"),
    [
        ("[systemctl, enable, --now, a.service]", True),
        ("systemctl start a", True),
        ("[systemctl, enable, a.service]", False),  # with the next boot
        ("[systemctl, daemon-reload]", False),
    ],
)
def test_units_that_commands_start_are_found(command, starts):
    """With their command and conflicts."""
    units = parse_user_data(f"{UNIT}  - {command}\n", INSTANCE).units
    assert [unit.name for unit in units] == (["a.service"] if starts else [])
    if starts:
        assert units[0].conflicts == ("b.service", "c.service")
        assert units[0].command[-1] == "/opt/a b"


def test_other_commands_are_not_executed():
    """The notes for the console list them."""
    boot = parse_user_data("#cloud-config\nruncmd: [[rm, -rf, /], reboot now]\n", INSTANCE)
    assert boot.notes == ("not executed: rm -rf /", "not executed: reboot now")
    assert "not executed" in parse_user_data("#!/bin/sh\nrm -rf /\n", INSTANCE).notes[0]
    assert parse_user_data("", INSTANCE).notes == ()


@pytest.mark.parametrize(
    "wrong",
    ["#cloud-config\nwrite_files: [{content: a}]", "#cloud-config\na: [", f"{UNIT}  - systemctl start other"],
)
def test_invalid_user_data_is_rejected(wrong):
    with pytest.raises(UserDataError):
        parse_user_data(wrong, INSTANCE)
