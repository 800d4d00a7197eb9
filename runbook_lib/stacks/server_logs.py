"""What leaves the web servers: their logs and metrics, by Amazon's CloudWatch agent.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..params import Params
from ..resources.log_group import LogGroup
from ..resources.role import Role
from ..resources.role_policy import RolePolicy

METRICS = "CWAgent"
"""The namespace of the metrics, the agent's own default."""
LOGS_POLICY, METRICS_POLICY = "web-logs", "web-metrics"
FOLDER = "/var/log/webapp"
_SERVER_LOGS = {
    "codedeploy-agent": "/var/log/aws/codedeploy-agent/codedeploy-agent.log",
    "cloud-init": "/var/log/cloud-init-output.log",
}
SERVER_PROCESSES = tuple(_SERVER_LOGS)
"""What writes a log on a server beside the application."""


@dataclass(frozen=True)
class LogSource:
    """A server's process that writes a log."""

    server: str
    process: str

    @classmethod
    def of_stream(cls, stream: str) -> LogSource:
        """Read the name of a log stream: the instance's id, ``_``, and the log's name or path.

        Where the agent follows all files of a folder it puts the file's path there, with ``_`` for each ``/``.
        https://github.com/aws/amazon-cloudwatch-agent/blob/main/plugins/inputs/logfile/logfile.go
        """
        server, _, log = stream.partition("_")
        path = f"{FOLDER}/".replace("/", "_")
        return cls(server, log.removeprefix(path).removesuffix(".log") if log.startswith(path) else log)


def app_group(env: str) -> str:
    """The name of the log group of the application's processes."""
    return f"/{env}/web/app"


def server_group(env: str) -> str:
    """The name of the log group of what else runs on a server."""
    return f"/{env}/web/server"


def group_of(env: str, process: str) -> str:
    """The name of the log group of a process; without one, of the application's."""
    return server_group(env) if process in _SERVER_LOGS else app_group(env)


def log_groups(params: Params) -> tuple[LogGroup, LogGroup]:
    """The log groups, which exist before a server writes to them."""
    days = params.app.log_days
    return (
        LogGroup(name="web-app", path=app_group(params.env), days=days),
        LogGroup(name="web-server", path=server_group(params.env), days=days),
    )


def agent_policies(role: Role, groups: tuple[LogGroup, ...]) -> tuple[RolePolicy, RolePolicy]:
    """Let the agent write to these groups and to its namespace of metrics.

    It creates no group and sets no retention, unlike CloudWatchAgentServerPolicy.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cloudwatch-condition-keys-namespace.html
    """
    streams = ("logs:CreateLogStream", "logs:PutLogEvents")
    only = (("StringEquals", "cloudwatch:namespace", METRICS),)
    return (
        RolePolicy(name=LOGS_POLICY, role=role, actions=streams, on=tuple(("{}:*", group) for group in groups)),
        RolePolicy(name=METRICS_POLICY, role=role, actions=("cloudwatch:PutMetricData",), on=("*",), when=only),
    )


def agent_configuration(params: Params) -> str:
    """The configuration of the agent, as JSON."""
    env = params.env
    # Without publish_multi_logs it follows only the file that was written last.
    files = [{"file_path": f"{FOLDER}/*.log", "log_group_name": app_group(env), "log_stream_name": "{instance_id}",
              "publish_multi_logs": True}]  # fmt: skip
    files += [
        {"file_path": path, "log_group_name": server_group(env), "log_stream_name": f"{{instance_id}}_{name}"}
        for name, path in _SERVER_LOGS.items()
    ]
    # To look the group up itself, the agent would need ec2:DescribeTags.
    by_group = {"append_dimensions": {"AutoScalingGroupName": f"{env}-web"}}
    configuration = {
        # A server that breaks takes along what was not sent yet: by default up to five seconds.
        "logs": {"force_flush_interval": 1, "logs_collected": {"files": {"collect_list": files}}},
        "metrics": {
            "namespace": METRICS,
            "append_dimensions": {"InstanceId": "${aws:InstanceId}"},
            "aggregation_dimensions": [["AutoScalingGroupName"]],
            "metrics_collected": {
                "mem": {"measurement": ["mem_used_percent"], **by_group},
                "disk": {"measurement": ["used_percent"], "resources": ["/"], "drop_device": True, **by_group},
            },
        },
    }
    return json.dumps(configuration, indent=1)
