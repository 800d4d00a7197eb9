"""One instance on this machine: a folder as its disk, a port, and an environment."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from embedded_aws.hosts import init_client
from embedded_aws.hosts.init_client import AGENT_MISSING, ENVIRONMENT
from embedded_aws.ports import ADDRESS, PORTS, find_free
from embedded_aws.settings import REGION

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

LOG_BYTES = 5_000_000
CLOUD_INIT_LOG = "/var/log/cloud-init-output.log"
AGENT_LOG = "/var/log/aws/codedeploy-agent/codedeploy-agent.log"

MEMORY = Path("/dev/shm")  # nosec B108 # a host makes a new folder there, which its owner alone can use
"""Memory as a file system; where there is none, as on macOS, `/run` is a folder on the disk."""

# Asks the init of the instance; the paths may hold spaces, which a #! line cannot.
PROGRAM = """\
#!/bin/sh
exec {python} -IS {client} {folder} {name} "$@"
"""
PROGRAMS = ("systemctl", "journalctl", "ss")


@dataclass(frozen=True)
class Host:
    """An instance's files, and its address.

    Attributes:
        folder: All files of the host; `root` in it is the instance's file system.
        port: The local port of the application, whatever port user data names.
        endpoint: The URL of the embedded AWS.
        extra_environment: Returns more environment variables; called at each start of a process.
        metadata: The URL of its metadata service; empty where it has none.
    """

    instance_id: str
    zone: str
    folder: Path
    port: int
    endpoint: str = ""
    extra_environment: Callable[[], Mapping[str, str]] = dict
    metadata: str = ""

    @property
    def root(self) -> Path:
        """The instance's file system."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        """The output of its boot and its services."""
        return self.folder / "console.log"

    def path(self, inside: str) -> Path:
        """Return the local path of a path on the instance."""
        path = (self.root / inside.lstrip("/")).resolve()
        if not any(path.is_relative_to(place.resolve()) for place in (self.root, self.root / "run")):
            raise ValueError(f"{inside} is outside of the instance")
        return path

    def environment(self) -> dict[str, str]:
        """Return the environment of its processes: nothing of the operator's own, least of all credentials."""
        home, temporary = self.root / "home", self.root / "tmp"
        return {
            "WEBAPP_ROOT": str(self.root),
            "WEBAPP_ADDRESS": ADDRESS,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **metadata_environment(self.metadata),
            # Our own Python instead of the one that user data installs.
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{SYSTEM_PATH}",
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            **self.extra_environment(),
        }

    @property
    def agent_missing(self) -> Path:
        """A file that exists while the instance has no CodeDeploy agent."""
        return self.folder / AGENT_MISSING

    def create(self) -> None:
        """Create the folders and programs that every instance has; `/run` is empty after each boot."""
        programs = self.folder / "bin"
        for folder in (self.root, self.root / "home", self.root / "tmp", self.folder / "deployments", programs):
            folder.mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            words = {"python": sys.executable, "client": init_client.__file__, "folder": str(self.folder), "name": name}
            quoted = {key: shlex.quote(word) for key, word in words.items()}
            (programs / name).write_text(PROGRAM.format(**quoted), encoding="utf-8")
            (programs / name).chmod(0o755)
        self.folder.chmod(0o700)
        self.empty_memory()
        memory, run = self._memory, self.root / "run"
        if memory is None:
            run.mkdir(mode=0o700)
        else:
            memory.mkdir(mode=0o700)
            run.symlink_to(memory)
        self._port_file.write_text(json.dumps({"port": self.port}), encoding="utf-8")

    def empty_memory(self) -> None:
        """Delete `/run`, which a machine loses when it is switched off."""
        run = self.root / "run"
        if self._memory is not None:
            shutil.rmtree(self._memory, ignore_errors=True)
        if run.is_symlink():
            run.unlink()
        shutil.rmtree(run, ignore_errors=True)

    @property
    def _memory(self) -> Path | None:
        name = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:16]
        return MEMORY / f"embedded-aws-{name}" if MEMORY.is_dir() else None

    @property
    def booted_before(self) -> bool:
        """Whether its first boot is complete."""
        return self._booted.exists()

    def set_booted(self) -> None:
        """Remember that the first boot is complete."""
        self._booted.touch()

    @property
    def _booted(self) -> Path:
        return self.folder / "booted"

    def write_environment(self) -> None:
        """Write what its init gives to all services."""
        (self.folder / ENVIRONMENT).write_text(json.dumps(self.environment()), encoding="utf-8")

    def write_console(self, text: str) -> None:
        """Write to its console, and to cloud-init's log."""
        for path in (self.log, self.path(CLOUD_INIT_LOG)):
            self._append(path, text)

    def write_agent_log(self, text: str) -> None:
        """Write to the log of CodeDeploy's agent."""
        now = datetime.now(UTC)
        self._append(self.path(AGENT_LOG), f"{now:%Y-%m-%dT%H:%M:%S} INFO  [codedeploy-agent(1)]: {text}")

    def _append(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def trim_logs(self) -> None:
        """Empty large logs, as journald does on an instance: a rehearsal may run for weeks."""
        own = (log for pattern in ("*.log", "journal/*.log") for log in self.folder.glob(pattern))
        for log in (*own, *self.root.glob("var/log/**/*.log")):
            if log.stat().st_size > LOG_BYTES:
                os.truncate(log, 0)  # all writers append

    @property
    def _port_file(self) -> Path:
        return self.folder / "machine.json"


def metadata_environment(url: str) -> dict[str, str]:
    """Return the variables by which SDKs find the metadata service, and a role's credentials there.

    By default they wait for one second and try once, which is not enough on a busy laptop.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html,
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ec2-instance-metadata.html (timeout and attempts)
    """
    if not url:
        return {"AWS_EC2_METADATA_DISABLED": "true"}
    return {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3",
    }


def choose_port(folder: Path, taken: Collection[int]) -> int:
    """Return the port that an instance had before, where it is free; else a free one, always the same for a folder.

    Raises:
        OSError: All ports are taken.
    """
    start = zlib.crc32(str(folder.absolute()).encode()) % len(PORTS)  # another embedded AWS has others
    for port in find_free(_last_port(folder), start):
        if port not in taken:
            return port
    raise OSError("no free port")


def _last_port(folder: Path) -> int:
    try:
        return int(json.loads((folder / "machine.json").read_text(encoding="utf-8"))["port"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0
