"""One instance on this laptop: a folder that stands for its disk, a port, and an environment."""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.ports import ADDRESS, PORTS, free
from embedded_aws.settings import ACCESS_KEY, REGION, SECRET_KEY

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

LOG_BYTES = 5_000_000


@dataclass(frozen=True)
class Machine:
    """Where an instance's files are and where it answers.

    Attributes:
        folder: All of it; `root` stands for the instance's file system.
        port: Where the application answers, whatever port user data names.
        endpoint: The embedded AWS, whose calls the instance may make.
        surroundings: More of the environment, asked for at each start of a process.
    """

    instance_id: str
    zone: str
    folder: Path
    port: int
    endpoint: str = ""
    surroundings: Callable[[], Mapping[str, str]] = dict

    @property
    def root(self) -> Path:
        """The instance's file system."""
        return self.folder / "root"

    @property
    def log(self) -> Path:
        """What its boot and its services say."""
        return self.folder / "console.log"

    def path(self, inside: str) -> Path:
        """A path on the instance, as a path on this laptop."""
        found = (self.root / inside.lstrip("/")).resolve()
        if not found.is_relative_to(self.root.resolve()):
            raise ValueError(f"{inside} is outside of the instance")
        return found

    def environment(self) -> dict[str, str]:
        """All that its processes get: nothing of the operator's own environment, least of all credentials."""
        home, temporary = self.root / "home", self.root / "tmp"
        return {
            "WEBAPP_ROOT": str(self.root),
            "WEBAPP_ADDRESS": ADDRESS,
            "WEBAPP_PORT": str(self.port),
            "WEBAPP_INSTANCE_ID": self.instance_id,
            "WEBAPP_ZONE": self.zone,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The Python that runs us stands for the one that user data installs.
            "PATH": f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
            "HOME": str(home),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            **self.surroundings(),
        }

    def create(self) -> None:
        """Make the folders that every instance has."""
        for folder in (self.root, self.root / "home", self.root / "tmp", self.folder / "deployments"):
            folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._note.write_text(json.dumps({"port": self.port}), encoding="utf-8")

    def say(self, text: str) -> None:
        """Write to its console."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def trim_logs(self) -> None:
        """Empty logs that have become large, as journald does it on an instance: a rehearsal may stand for weeks."""
        for log in (*self.folder.glob("*.log"), *self.root.glob("run/*.log")):
            if log.stat().st_size > LOG_BYTES:
                os.truncate(log, 0)  # whoever writes appends

    @property
    def _note(self) -> Path:
        return self.folder / "machine.json"


def port_of(folder: Path, taken: Collection[int]) -> int:
    """The port that an instance had before, where it is free; else a free one, by its name always the same.

    Raises:
        OSError: All ports are taken.
    """
    start = zlib.crc32(folder.name.encode()) % len(PORTS)
    for port in free(_last_port(folder), start):
        if port not in taken:
            return port
    raise OSError("no free port")


def _last_port(folder: Path) -> int:
    try:
        return int(json.loads((folder / "machine.json").read_text(encoding="utf-8"))["port"])
    except (FileNotFoundError, ValueError, KeyError):
        return 0
