"""The user data of the web servers, which cloud-init executes at the first boot."""

from __future__ import annotations

import json
import shlex
from textwrap import indent

from ..params import Params
from .server_logs import FOLDER, agent_configuration

# cloud-init replaces {{ v1.… }} by the instance's metadata:
# https://cloudinit.readthedocs.io/en/latest/explanation/instancedata.html
#
# The agent's version 2 needs no Ruby; in regions without its installer, version 1 is installed.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/codedeploy-agent-operations-install-linux.html
#
# The placeholder answers the load balancer's health check until the first deployment: without it, Auto
# Scaling would replace every server that waits for one.  It is healthy only while the agent is active, as
# CodeDeploy would wait an hour for an agent that is missing; users get 503.  A deployment stops it, and systemd
# does when the application starts.  It is not enabled: after a reboot it would answer for the application.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html (User-Agent)
#
# Version 1 of the agent accepts Ruby up to 3.2, and its installer fails where USER is not set.
# https://github.com/aws/aws-codedeploy-agent/issues/418
#
# What the image has already is not installed again: `runbook logs --process cloud-init` says what was found in it.
#
# The CloudWatch agent starts before CodeDeploy's is installed, so that the log of a failed boot is sent, too.  The
# application's packages are installed in a step of their own: one that is unknown fails all of its step.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/install-CloudWatch-Agent-commandline-fleet.html
# logrotate truncates: a process goes on with the file that systemd opened for it.
_WEB_SERVER = """\
## template: jinja
#cloud-config
write_files:
  - path: /etc/webapp/instance.env
    permissions: "0644"
    content: |
      PORT={port}
      HEALTH_PATH={health}
      WEBAPP_CONFIG={config}
      INSTANCE_ID={{{{ v1.instance_id }}}}
      ZONE={{{{ v1.availability_zone }}}}
      AWS_REGION={{{{ v1.region }}}}
      AWS_DEFAULT_REGION={{{{ v1.region }}}}
  - path: /opt/placeholder/serve.py
    permissions: "0644"
    content: |
      import http.server, os, subprocess
      AGENT = ["systemctl", "--quiet", "is-active", "codedeploy-agent.service"]
      class Handler(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
              check = self.headers.get("User-Agent", "").startswith("ELB-HealthChecker/")
              healthy = check and self.path == os.environ["HEALTH_PATH"] and subprocess.run(AGENT).returncode == 0
              self.send_response(200 if healthy else 503)
              self.end_headers()
              self.wfile.write(b"Waiting for the first deployment.\\n")
          do_HEAD = do_POST = do_GET
      address = os.environ.get("WEBAPP_ADDRESS", ""), int(os.environ["PORT"])
      http.server.ThreadingHTTPServer(address, Handler).serve_forever()
  - path: /etc/systemd/system/placeholder.service
    permissions: "0644"
    content: |
      [Unit]
      Description=Answers health checks until the first deployment
      Conflicts=webapp.service
      Before=webapp.service
      [Service]
      DynamicUser=yes
      EnvironmentFile=/etc/webapp/instance.env
      ExecStart=/usr/bin/python3 /opt/placeholder/serve.py
      Restart=on-failure
  - path: {log_agent}
    permissions: "0644"
    content: |
{log_configuration}
  - path: /etc/logrotate.d/webapp
    permissions: "0644"
    content: |
      {logs}/*.log {{
          daily
          maxsize 50M
          rotate 3
          copytruncate
          missingok
          notifempty
      }}
{programs}
runcmd:
  - [systemctl, daemon-reload]
  - [systemctl, start, placeholder.service]
  - {packages}
  - [{install}, amazon-cloudwatch-agent, logrotate]
  - [{log_agent_ctl}, -a, fetch-config, -m, ec2, -s, -c, "file:{log_agent}"]
  - [/usr/local/sbin/install-codedeploy-agent]
{agent_settings}"""
# Where CodeDeploy is reached through its endpoints, the agent signs its requests.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/vpc-endpoints.html (configure the agent)
_SIGNS_REQUESTS = """\
  - - sh
    - -c
    - |
      echo ':enable_auth_policy: true' >> /etc/codedeploy-agent/conf/codedeployagent.yml
      systemctl restart codedeploy-agent.service
"""
_PROGRAMS = """\
  - path: {install}
    permissions: "0755"
    content: |
      #!/bin/sh
      set -eu
      missing=
      for name in "$@"; do
          if rpm --query --quiet --whatprovides "$name"; then
              echo "In the image: $name"
          else
              missing="$missing $name"
          fi
      done
      if [ -n "$missing" ]; then dnf install --assumeyes $missing; fi
  - path: /usr/local/sbin/install-codedeploy-agent
    permissions: "0755"
    content: |
      #!/bin/sh
      set -eu
      if systemctl cat codedeploy-agent.service > /dev/null 2>&1; then
          echo "In the image: codedeploy-agent"
          systemctl enable --now codedeploy-agent.service
          exit
      fi
      from=https://aws-codedeploy-{region}.s3.{region}.amazonaws.com
      export USER=root
      cd "$(mktemp -d)"
      if ! curl --fail --silent --show-error --retry 5 --remote-name "$from/latestv2/install"; then
          dnf install --assumeyes ruby3.2
          curl --fail --silent --show-error --retry 5 --remote-name "$from/latest/install"
      fi
      chmod +x install
      ./install auto"""

# A server of the image has another id than this instance, so cloud-init treats its first boot as one.  It powers off
# only when all is installed: then its image is made.
# https://cloudinit.readthedocs.io/en/latest/reference/modules.html#power-state-change
_IMAGE_BUILDER = """\
#cloud-config
write_files:
{programs}
  - path: /usr/local/sbin/build-image
    permissions: "0755"
    content: |
      #!/bin/sh
      set -eu
      {install} {packages}
      {install} amazon-cloudwatch-agent logrotate
      /usr/local/sbin/install-codedeploy-agent
      systemctl stop codedeploy-agent.service
      rm -rf /var/log/aws/codedeploy-agent
      truncate --size 0 /etc/machine-id /var/log/cloud-init.log /var/log/cloud-init-output.log
      touch /run/image-complete
runcmd:
  - [/usr/local/sbin/build-image]
power_state:
  mode: poweroff
  condition: test -e /run/image-complete
"""
_INSTALL = "/usr/local/sbin/install-programs"
_LOG_AGENT = "/etc/webapp/log-agent.json"
_LOG_AGENT_CTL = "/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"


def web_server(params: Params, config: str) -> str:
    """User data of the web servers.

    Args:
        config: The name of the Systems Manager parameter with the application's configuration.
    """
    compute = params.compute
    return _WEB_SERVER.format(
        programs=_programs(params),
        install=_INSTALL,
        packages=json.dumps([_INSTALL, *params.app.packages]),
        config=config,
        port=compute.app_port,
        region=params.region,
        health=_quote(compute.health_check.path),
        logs=FOLDER,
        agent_settings=_SIGNS_REQUESTS if params.network.nat == "none" else "",
        log_agent=_LOG_AGENT,
        log_agent_ctl=_LOG_AGENT_CTL,
        log_configuration=indent(agent_configuration(params), " " * 6),
    )


def image_builder(params: Params) -> str:
    """User data of an instance that becomes the image of the web servers."""
    packages = shlex.join(params.app.packages)
    return _IMAGE_BUILDER.format(programs=_programs(params), install=_INSTALL, packages=packages)


def _programs(params: Params) -> str:
    return _PROGRAMS.format(install=_INSTALL, region=params.region)


def _quote(value: str) -> str:
    """A value in an environment file, as systemd and sh read it."""
    for char in '\\"$`':
        value = value.replace(char, f"\\{char}")
    return f'"{value}"'
