"""Small bundles for tests: a web server of three lines, and hooks that print what they do."""

import io
import json
import zipfile

HOOKS = ("ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService")

#: Starts the application as shiftlog's hook does: in a session of its own, holding nothing of the hook's open.
START = """#!/bin/sh
cd "$WEBAPP_ROOT/opt/app"
python3 -c 'import os, sys
if os.fork(): sys.exit()
os.setsid()
log = os.open("log", os.O_WRONLY | os.O_CREAT)
for number in (1, 2): os.dup2(log, number)
os.execvp(sys.executable, [sys.executable, *sys.argv[1:]])' -m http.server "$WEBAPP_PORT" --bind 127.0.0.1
python3 -c 'import os, socket, time
while True:
    try: socket.create_connection(("127.0.0.1", int(os.environ["WEBAPP_PORT"]))); break
    except OSError: time.sleep(0.05)'
"""
STOP = """#!/bin/sh
echo "stopping from $(cat "$(dirname "$0")/../version")"
python3 - <<'END'
import os, psutil
for one in psutil.process_iter():
    try:
        if one.pid == os.getsid(one.pid) and one.cwd() == os.environ["WEBAPP_ROOT"] + "/opt/app": one.kill()
    except (psutil.Error, OSError): pass
END
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
        for name, text in texts.items():
            if text is not None:
                entry = zipfile.ZipInfo(f"hooks/{name}.sh")
                entry.external_attr = (modes or {}).get(name, 0o755) << 16
                archive.writestr(entry, text)
    return packed.getvalue()
