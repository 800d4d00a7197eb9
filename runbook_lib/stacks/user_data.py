"""The user data of the web servers, which cloud-init executes at the first boot."""

from __future__ import annotations

from ..params import Params

# cloud-init replaces {{ v1.… }} by the instance's metadata:
# https://cloudinit.readthedocs.io/en/latest/explanation/instancedata.html
#
# The agent's version 2 needs no Ruby; in regions without its installer, version 1 is installed.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/codedeploy-agent-operations-install-linux.html
#
# The placeholder answers the health check until the first deployment: without it, Auto Scaling would
# replace every server that waits for one.  systemd stops it when the application starts.
_WEB_SERVER = """\
## template: jinja
#cloud-config
packages: [python3.11]
write_files:
  - path: /etc/webapp/instance.env
    permissions: "0644"
    content: |
      WEBAPP_CONFIG={config}
      WEBAPP_PORT={port}
      WEBAPP_INSTANCE_ID={{{{ v1.instance_id }}}}
      WEBAPP_ZONE={{{{ v1.availability_zone }}}}
      AWS_REGION={{{{ v1.region }}}}
      AWS_DEFAULT_REGION={{{{ v1.region }}}}
  - path: /opt/placeholder/{health}
    permissions: "0644"
    content: |
      Waiting for the first deployment.
  - path: /etc/systemd/system/placeholder.service
    permissions: "0644"
    content: |
      [Unit]
      Description=Answers health checks until the first deployment
      Conflicts=webapp.service
      Before=webapp.service
      ConditionPathExists=!/etc/systemd/system/webapp.service
      [Service]
      DynamicUser=yes
      ExecStart=/usr/bin/python3.11 -m http.server {port} --directory /opt/placeholder
      Restart=on-failure
      [Install]
      WantedBy=multi-user.target
  - path: /usr/local/sbin/install-codedeploy-agent
    permissions: "0755"
    content: |
      #!/bin/sh
      set -eu
      from=https://aws-codedeploy-{region}.s3.{region}.amazonaws.com
      cd "$(mktemp -d)"
      if ! curl --fail --silent --show-error --retry 5 --remote-name "$from/latestv2/install"; then
          dnf install --assumeyes ruby
          curl --fail --silent --show-error --retry 5 --remote-name "$from/latest/install"
      fi
      chmod +x install
      ./install auto
runcmd:
  - [systemctl, daemon-reload]
  - [systemctl, enable, --now, placeholder.service]
  - [/usr/local/sbin/install-codedeploy-agent]
"""


def web_server(params: Params, config: str) -> str:
    """User data of the web servers.

    Args:
        config: The name of the Systems Manager parameter with the application's configuration.
    """
    compute = params.compute
    health = compute.health_check.path.strip("/").partition("?")[0] or "index.html"
    return _WEB_SERVER.format(config=config, port=compute.app_port, region=params.region, health=health)
