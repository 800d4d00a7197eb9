"""The application, unchanged, keeps its sessions in a cache of the rehearsal: it checks certificates, and trusts ours."""

import os
import subprocess
import sys
from pathlib import Path

WEBAPP = Path(__file__).resolve().parents[3] / "webapp"

USE = """
import sys
from shiftlog.config import Cache
from shiftlog.sessions import CacheSessions, store

CacheSessions(store(Cache(host=sys.argv[1], port=int(sys.argv[2])))).ready()
print("ready")
"""


def use(endpoint, **more):
    """The application's own code in a process of its own, as a machine runs it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SSL_")}
    command = [sys.executable, "-c", USE, endpoint["Address"], str(endpoint["Port"])]
    return subprocess.run(command, cwd=WEBAPP, env={**inherited, **more}, capture_output=True, text=True)


def test_the_application_uses_it(rehearsal):
    """With nothing but the machine's environment; without it, the certificate is of nobody it trusts."""
    rehearsal.create()
    trust = rehearsal.told()["environment"]
    assert set(trust) == {"SSL_CERT_FILE"}
    assert "CERTIFICATE_VERIFY_FAILED" in use(rehearsal.endpoint()).stderr
    assert use(rehearsal.endpoint(), **trust).stdout == "ready\n"
