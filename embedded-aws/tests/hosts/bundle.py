"""Small bundles for tests: a web server of three lines, and hooks that print what they do."""

import io
import json
import zipfile

HOOKS = ("ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService")

UNIT = """[Service]
EnvironmentFile=/etc/webapp/instance.env
WorkingDirectory=/opt/app
ExecStart=/usr/bin/python3 -m http.server $PORT --bind 127.0.0.1
Restart=always
[Install]
WantedBy=multi-user.target
"""
START = """#!/bin/sh
set -e
. "$WEBAPP_ROOT/etc/webapp/instance.env"
cp "$WEBAPP_ROOT/opt/app/webapp.service" "$WEBAPP_ROOT/etc/systemd/system/"
systemctl daemon-reload
systemctl enable --now webapp.service
until [ -n "$(ss -Hltnp "sport = :$PORT")" ]; do sleep 0.05; done
"""
STOP = """#!/bin/sh
echo "stopping from $(cat "$(dirname "$0")/../version")"
systemctl stop webapp.service || echo "nothing to stop"
"""
#: The user data of a server, as small as these bundles need it.
BOOT = """#cloud-config
write_files:
  - {path: /etc/webapp/instance.env, content: "PORT=8080\\n"}
  - {path: /etc/systemd/system/.keep, content: ""}
"""
SAY = '#!/bin/sh\necho "$LIFECYCLE_EVENT of $DEPLOYMENT_ID"\n'


def appspec(**changes):
    """Return an AppSpec file in which every event has one script."""
    hooks = {name: [{"location": f"hooks/{name}.sh", "timeout": 20}] for name in HOOKS}
    files = [{"source": "/", "destination": "/opt/app"}]
    return json.dumps({"version": 0.0, "os": "linux", "files": files, "hooks": hooks} | changes)  # JSON is YAML


def zipped(version="v1", spec=None, modes=None, more=None, **scripts):
    """Return a bundle as bytes; `scripts` replace hooks by their event, None omits one."""
    texts = dict.fromkeys(HOOKS, SAY) | {"ApplicationStart": START, "ApplicationStop": STOP} | scripts
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in (more or {}).items():
            archive.writestr(name, text)
        archive.writestr("appspec.yml", spec or appspec(file_exists_behavior="OVERWRITE"))
        archive.writestr("version", version)
        archive.writestr("webapp.service", UNIT)
        for name, text in texts.items():
            if text is not None:
                entry = zipfile.ZipInfo(f"hooks/{name}.sh")
                entry.external_attr = (modes or {}).get(name, 0o755) << 16
                archive.writestr(entry, text)
    return packed.getvalue()
