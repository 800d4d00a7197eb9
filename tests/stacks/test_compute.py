"""What the compute stack wants, from parameters alone."""

import json
import subprocess

import pytest
import yaml
from pydantic import ValidationError

from runbook_lib.resources.base import referenced_resources
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.role import Role
from runbook_lib.resources.role_policy import RolePolicy
from runbook_lib.stacks.compute import compute
from runbook_lib.stacks.data import data
from runbook_lib.stacks.deploy import deploy
from runbook_lib.stacks.network import network
from runbook_lib.stacks.server_logs import LogSource
from runbook_lib.stacks.user_data import web_server
from tests.stacks.test_network import PARAMS, load

SESSION_MANAGER = {
    "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}  # fmt: skip
ARN = "arn:aws:acm:us-west-2:123456789012:certificate/11112222-3333-4444-5555-666677778888"


def params(env="local", **changed):
    """The environment's own, but for fields of its compute section."""
    found = load(PARAMS / f"{env}.yaml")
    raw = found.model_dump(mode="json")
    raw["compute"] |= changed
    return type(found).model_validate(raw)


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_it_stands_on_the_network_and_on_itself(env):
    wanted = params(env)
    known = {r.key for r in (*compute(wanted), *network(wanted))}
    assert {need.key for r in compute(wanted) for need in referenced_resources(r.dependencies)} <= known


@pytest.mark.parametrize(
    ("certificate", "kinds"),
    [
        ({"arn": ARN}, ["given_certificate.web"]),
        ({"self_signed": "web.example.test"}, ["imported_certificate.web"]),
        (
            {"domain": "www.example.com", "hosted_zone": "Z0123456789EXAMPLE"},
            ["requested_certificate.web", "hosted_zone.web", "validation_record.web"],
        ),
    ],
)
def test_each_source_of_a_certificate_is_a_choice_of_parameters(certificate, kinds):
    """The listener presents it; only a domain of ours gets a DNS record that leads to the load balancer."""
    web = compute(params(certificate=certificate))
    assert [r.key for r in web.certificate] == kinds
    assert web["listener.https"].certificate.key == kinds[0]
    assert [r.key for r in web.dns] == (["alias_record.web"] if "domain" in certificate else [])


def test_one_server_in_each_zone_is_the_least():
    servers = compute(params(max_per_zone=3))["auto_scaling_group.web"]
    assert (servers.least, servers.most) == (2, 6)
    assert {subnet.zone for subnet in servers.subnets} == {"us-west-2a", "us-west-2b"}
    assert all(subnet.name.startswith("private-") for subnet in servers.subnets)
    assert servers.desired({})["spread"] == "balanced-only"


def test_a_leaving_server_has_ten_seconds_at_the_least():
    """Who is still being answered when it is told to stop gets the answer."""
    with pytest.raises(ValidationError, match="deregistration_seconds"):
        params(deregistration_seconds=9)


def test_servers_wait_for_their_way_out():
    """A server that boots before the NAT route exists cannot install anything."""
    servers = compute(params())["auto_scaling_group.web"]
    subnets = [f"route_table_association.private-us-west-2{zone}" for zone in "ab"]
    assert [r.key for r in servers.ready_dependencies] == ["route.private-us-west-2a", *subnets]


def test_an_image_can_be_pinned():
    """Then nothing is looked up, and a newer one changes nothing."""
    web = compute(params(image="ami-0123456789abcdef0"))
    assert web["launch_template.web"].image == "ami-0123456789abcdef0"
    assert not [r for r in web if r.key.startswith("machine_image.")]


def test_the_newest_image_is_taken_only_if_somebody_asks_for_it():
    """Otherwise the template keeps the one that it has, of the same architecture."""
    image = compute(params())["machine_image.al2023"]
    assert (image.kept_by, image.architecture) == (compute(params())["launch_template.web"].key, "arm64")
    assert compute(params(image="newest"))["machine_image.al2023"].kept_by == ""
    with pytest.raises(ValidationError, match="image"):
        params(image="latest")


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_no_role_may_do_anything_to_everything(env):
    """No action is a bare star, and no resource is but for Session Manager and metrics, which have no resource."""
    wanted = params(env)
    policies = [r for stack in (network, data, compute, deploy) for r in stack(wanted) if isinstance(r, RolePolicy)]
    for policy in policies:
        assert not [action for action in policy.actions if action.endswith("*")]
        on = {on if isinstance(on, str) else on[0] for on in policy.on}
        assert ("*" in on) == policy.name.endswith(("-session-manager", "-metrics")), policy.key
    servers = {action for policy in policies if policy.role.key == "role.web" for action in policy.actions}
    reads = {"s3:GetObject", "s3:GetObjectVersion", "secretsmanager:GetSecretValue", "ssm:GetParameter"}
    sends = {"logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData"}
    assert servers == reads | SESSION_MANAGER | sends | {"s3:PutObject"}
    writes = [policy.on for policy in policies if policy.role.key == "role.web" and "s3:PutObject" in policy.actions]
    assert [[template for template, _ in on] for on in writes] == [["arn:aws:s3:::{}/releases/*"]]


@pytest.mark.parametrize("env", ["local", "dev", "staging", "prod"])
def test_session_manager_reads_no_parameter(env):
    """AmazonSSMManagedInstanceCore would: servers and bastion have no managed policy of AWS's, and the minimum instead.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    """
    web = compute(params(env))
    assert {(role.name, role.policies) for role in web.every(Role)} == {("web", ()), ("bastion", ())}
    bastion = {action for policy in web.bastion.every(RolePolicy) for action in policy.actions}
    assert bastion == SESSION_MANAGER


def test_user_data_is_what_cloud_init_reads():
    """It installs agent and runtime, and answers the health check until the first deployment."""
    text = web_server(params(app_port=9000), "/local/web/config")
    assert text.startswith("## template: jinja\n#cloud-config\n")
    read = yaml.safe_load(text.replace("{{", "<").replace("}}", ">"))
    files = {entry["path"]: entry["content"] for entry in read["write_files"]}
    assert "PORT=9000\n" in files["/etc/webapp/instance.env"]
    unit = files["/etc/systemd/system/placeholder.service"]
    assert 'HEALTH_PATH="/healthz"' in files["/etc/webapp/instance.env"]
    assert "EnvironmentFile=/etc/webapp/instance.env\nExecStart=/usr/bin/python3 /opt/placeholder/serve.py\n" in unit
    assert "[Install]" not in unit  # after a reboot, the application has the port
    assert "dnf install --assumeyes ruby3.2\n" in files["/usr/local/sbin/install-codedeploy-agent"]
    assert "aws-codedeploy-us-west-2" in files["/usr/local/sbin/install-codedeploy-agent"]
    assert ["/usr/local/sbin/install-codedeploy-agent"] in read["runcmd"]
    assert ["/usr/local/sbin/install-programs", "python3.11"] in read["runcmd"]
    assert "packages" not in read  # cloud-init would ask the repositories, also for what is there
    assert len(text.encode()) < 16 * 1024  # what EC2 takes


@pytest.fixture
def image(tmp_path):
    """A machine with these packages and units in its image; runs a script, and returns its output and its commands."""

    def run(script, *arguments, packages=(), units=()):
        done, programs = tmp_path / "done", tmp_path / "bin"
        programs.mkdir(exist_ok=True)
        known = "|".join(packages) or "nothing"
        for name, body in {
            "rpm": f'for last; do :; done; case "$last" in {known}) exit 0;; *) exit 1;; esac',
            "dnf": f'echo "dnf $*" >> {done}',
            "systemctl": f'echo "systemctl $*" >> {done}; [ "$1" != cat ] || [ "{" ".join(units)}" = "$2" ]',
            "curl": f'echo "curl" >> {done}; echo true > install',
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{body}\n")
            (programs / name).chmod(0o755)
        path = f"{programs}:/usr/bin:/bin"
        ran = subprocess.run(
            ["/bin/sh", "-c", script, "script", *arguments], capture_output=True, text=True, check=True,
            env={"PATH": path, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
        commands = done.read_text().splitlines() if done.exists() else []
        done.unlink(missing_ok=True)
        return ran.stdout, commands

    return run


def scripts(text):
    read = yaml.safe_load(text.replace("{{", "<").replace("}}", ">"))
    return {entry["path"].rpartition("/")[2]: entry["content"] for entry in read["write_files"]}


def test_what_is_in_the_image_is_not_installed_again(image):
    """And the log of the boot says so."""
    install = scripts(web_server(params(), "/local/web/config"))["install-programs"]
    output, commands = image(install, "python3.11", "logrotate", packages=["python3.11", "logrotate"])
    assert (output, commands) == ("In the image: python3.11\nIn the image: logrotate\n", [])
    output, commands = image(install, "python3.11", "logrotate", packages=["logrotate"])
    assert (output, commands) == ("In the image: logrotate\n", ["dnf install --assumeyes python3.11"])
    agent = scripts(web_server(params(), "/local/web/config"))["install-codedeploy-agent"]
    unit = "codedeploy-agent.service"
    output, commands = image(agent, units=[unit])
    assert output == "In the image: codedeploy-agent\n"
    assert commands == [f"systemctl cat {unit}", f"systemctl enable --now {unit}"]
    assert image(agent)[1] == [f"systemctl cat {unit}", "curl"]


def test_a_baked_image_is_made_of_the_newest_with_what_servers_need():
    """The template takes it; the bastion keeps Amazon's. It powers off only when everything is installed."""
    web = compute(params(image="baked"))
    baked, template = web["baked_image.web"], web["launch_template.web"]
    assert (template.image, template.ready_dependencies) == (baked, (baked,))
    assert (baked.base.key, baked.base.kept_by, web["instance.bastion"].image) == (
        "machine_image.al2023", "", baked.base,
    )  # fmt: skip
    read, build = yaml.safe_load(baked.recipe), scripts(baked.recipe)["build-image"]
    assert read["power_state"] == {"mode": "poweroff", "condition": "test -e /run/image-complete"}
    lines = [line.strip() for line in build.splitlines()]
    assert lines[1:4] == [
        "set -eu", "/usr/local/sbin/install-programs python3.11",
        "/usr/local/sbin/install-programs amazon-cloudwatch-agent logrotate",
    ]  # fmt: skip
    assert lines[-1] == "touch /run/image-complete"
    own = scripts(template.user_data)
    assert all(own[name] == scripts(baked.recipe)[name] for name in ("install-programs", "install-codedeploy-agent"))
    assert not list(compute(params()).every(type(baked)))


def test_servers_send_their_logs_and_metrics_by_amazons_agent():
    """What it reads and where that goes; the groups are the stack's own, with the retention of the parameters."""
    wanted = params()
    web = compute(wanted.model_copy(update={"app": wanted.app.model_copy(update={"log_days": 90})}))
    assert {(group.path, group.days) for group in web.every(LogGroup)} == {
        ("/local/web/app", 90),
        ("/local/web/server", 90),
    }
    read = yaml.safe_load(web["launch_template.web"].user_data.replace("{{", "<").replace("}}", ">"))
    files = {entry["path"]: entry["content"] for entry in read["write_files"]}
    configuration = json.loads(files["/etc/webapp/log-agent.json"])
    sent = configuration["logs"]["logs_collected"]["files"]["collect_list"]
    assert {(one["file_path"], one["log_group_name"], one["log_stream_name"]) for one in sent} == {
        ("/var/log/webapp/*.log", "/local/web/app", "{instance_id}"),
        ("/var/log/aws/codedeploy-agent/codedeploy-agent.log", "/local/web/server", "{instance_id}_codedeploy-agent"),
        ("/var/log/cloud-init-output.log", "/local/web/server", "{instance_id}_cloud-init"),
    }
    assert sent[0]["publish_multi_logs"]  # else only the process that wrote last
    metrics = configuration["metrics"]
    policy = web["role_policy.web-metrics"]
    assert policy.when == (("StringEquals", "cloudwatch:namespace", metrics["namespace"]),)
    measured = {kind: one["measurement"] for kind, one in metrics["metrics_collected"].items()}
    assert measured == {"mem": ["mem_used_percent"], "disk": ["used_percent"]}
    assert {template for template, _ in web["role_policy.web-logs"].on} == {"{}:*"}
    starts = [command for command in read["runcmd"] if command[0].endswith("amazon-cloudwatch-agent-ctl")]
    assert [command[-1] for command in starts] == ["file:/etc/webapp/log-agent.json"]
    # systemd keeps the file open that a process writes to.
    assert {"copytruncate", "/var/log/webapp/*.log"} <= {*files["/etc/logrotate.d/webapp"].split()}


def test_a_streams_name_says_who_wrote_it():
    """As the agent makes it from the instance and the path of the file."""
    of = LogSource.of_stream
    assert of("i-0a1__var_log_webapp_web.log") == LogSource("i-0a1", "web")
    assert of("i-0a1__var_log_webapp_my_worker-2.log") == LogSource("i-0a1", "my_worker-2")
    assert of("i-0a1_cloud-init") == LogSource("i-0a1", "cloud-init")
