"""What the instance tells the application: its environment, and /etc/webapp/instance.env where that says nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BUNDLE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """One instance's settings.

    Attributes:
        config: Name of the SSM parameter with the configuration; empty for none.
        database_url: Stands in for the configured database where that is not MySQL, for development.
        database_ca: The certificates that the database is verified by; empty: the system's.
        session_key: Stands in for the session secret, for development.
        environ: Everything, for AWS's own variables.
    """

    config: str = ""
    database_url: str = field(default="", repr=False)
    database_ca: str = ""
    session_key: str = field(default="", repr=False)
    address: str = "0.0.0.0"  # only the load balancer's security group may reach it
    port: int = 8080
    instance_id: str = ""
    zone: str = ""
    commit: str = ""
    revision: str = "unbuilt"
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment over the instance's file."""
    outer = os.environ if environ is None else environ
    env = {**_file(Path(outer.get("WEBAPP_ROOT", "") + "/etc/webapp/instance.env")), **outer}
    url = env.get("DATABASE_URL", "")
    return Settings(
        config=env.get("WEBAPP_CONFIG", ""),
        # With a configuration we read the database's secret ourselves, and again after a rotation.
        database_url="" if env.get("WEBAPP_CONFIG") and url.startswith("mysql:") else url,
        database_ca=env.get("DATABASE_CA", ""),
        session_key=env.get("SESSION_SECRET", ""),
        address=env.get("WEBAPP_ADDRESS", Settings.address),
        port=int(env.get("PORT", Settings.port)),
        instance_id=env.get("INSTANCE_ID", ""),
        zone=env.get("ZONE", ""),
        commit=env.get("WEBAPP_COMMIT", "") or _first_line(BUNDLE / "COMMIT", ""),
        revision=_first_line(BUNDLE / "REVISION", Settings.revision),
        environ=env,
    )


def _file(path: Path) -> dict[str, str]:
    """NAME=value lines, as the hooks and systemd read them."""
    if not path.is_file():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name: _unquoted(value) for name, _, value in pairs if name.isidentifier()}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _first_line(path: Path, otherwise: str) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else otherwise
