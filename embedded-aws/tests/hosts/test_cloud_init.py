"""User data is parsed as by cloud-init."""

import pytest

from embedded_aws.hosts.cloud_init import UserDataError, parse_user_data

INSTANCE = {"instance_id": "i-1", "availability_zone": "us-west-2b", "region": "us-west-2"}


def test_metadata_is_filled_in():
    """Unknown variables show their name."""
    text = "## template: jinja\n#cloud-config\nwrite_files: [{path: /a, content: '{{ v1.instance_id }} {{ v1.no }}'}]\n"
    assert parse_user_data(text, INSTANCE).files[0].content == "i-1 CI_MISSING_JINJA_VAR/no"


def test_without_the_header_nothing_is_filled_in():
    """Braces are plain text then."""
    text = "#cloud-config\nwrite_files: [{path: /a, content: '{{ v1.instance_id }}', permissions: '0755'}]\n"
    file = parse_user_data(text, INSTANCE).files[0]
    assert (file.path, file.content, file.mode) == ("a", "{{ v1.instance_id }}", 0o755)


def test_systemctl_is_executed():
    """As a list of words or as one line."""
    boot = parse_user_data("#cloud-config\nruncmd: [[systemctl, start, a], systemctl enable --now b]\n", INSTANCE)
    assert boot.commands == (("systemctl", "start", "a"), ("systemctl", "enable", "--now", "b"))


def test_other_commands_are_not_executed():
    """The notes for the console list them."""
    boot = parse_user_data("#cloud-config\nruncmd: [[rm, -rf, /], reboot now]\n", INSTANCE)
    assert boot.notes == ("not executed: rm -rf /", "not executed: reboot now")
    assert "not executed" in parse_user_data("#!/bin/sh\nrm -rf /\n", INSTANCE).notes[0]
    assert parse_user_data("", INSTANCE).notes == ()


def test_the_start_of_the_cloudwatch_agent_is_executed():
    """It names the configuration; any other command of its control program is not."""
    ctl = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    text = f"#cloud-config\nruncmd: [[{ctl}, -a, fetch-config, -m, ec2, -s, -c, 'file:/etc/a.json'], {ctl} -a status]\n"
    boot = parse_user_data(text, INSTANCE)
    assert (boot.log_agents, boot.notes) == (("/etc/a.json",), (f"not executed: {ctl} -a status",))


@pytest.mark.parametrize(
    "wrong",
    ["#cloud-config\nwrite_files: [{content: a}]", "#cloud-config\na: ["],
)
def test_invalid_user_data_is_rejected(wrong):
    with pytest.raises(UserDataError):
        parse_user_data(wrong, INSTANCE)
