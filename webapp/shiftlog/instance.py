"""Which instance this is: asked of IMDSv2, unless the settings say."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from shiftlog.settings import Settings

TIMEOUT = 1.0  # seconds: the service is one hop away, or not there at all


@dataclass(frozen=True)
class Instance:
    """What the footer of each page shows."""

    id: str
    zone: str


def discover(settings: Settings) -> Instance:
    """The settings' word first, then the metadata service's, then the machine's own name."""
    if settings.instance_id and settings.zone:
        return Instance(settings.instance_id, settings.zone)
    found = _metadata(settings) or Instance(socket.gethostname(), "no zone")
    return Instance(settings.instance_id or found.id, settings.zone or found.zone)


def _metadata(settings: Settings) -> Instance | None:
    """IMDSv2 hands out a token first. None where nobody answers: on a laptop, for one."""
    env = settings.environ
    if env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    base = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
    try:
        token = _ask(f"{base}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")
        said = {"X-aws-ec2-metadata-token": token}
        return Instance(
            _ask(f"{base}/latest/meta-data/instance-id", said),
            _ask(f"{base}/latest/meta-data/placement/availability-zone", said),
        )
    except (URLError, OSError, ValueError):
        return None


def _ask(url: str, headers: dict[str, str], method: str = "GET") -> str:
    """Past any proxy: the address means something only on this very machine."""
    opener = build_opener(ProxyHandler({}))
    with opener.open(Request(url, headers=headers, method=method), timeout=TIMEOUT) as answer:
        return str(answer.read(200).decode("ascii"))
