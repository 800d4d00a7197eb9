"""Send the lines of a file to a log stream of CloudWatch Logs.

How far a file was sent is kept on its log stream, and thus saved together with the events: after a restart no line is
missing, and none is there twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from moto.core.utils import unix_time_millis

from embedded_aws.account import backends
from embedded_aws.settings import REGION

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html (event size)
EVENT_BYTES = 262_144
READ_BYTES = 1_000_000  # of one file at a time
# The account is kept in memory: of a stream, and of a group, only the last events are.
STREAM_EVENTS, GROUP_EVENTS = 2_000, 20_000


def send_file(
    path: Path,
    group: str,
    name: str,
    require: Callable[[str], None] = lambda _: None,
    has_ended: bool = False,
    region: str = REGION,
) -> bool:
    """Send what is new in a file to a stream, which is created if necessary; returns whether that was anything.

    The caller holds the lock of the account. Nothing is sent to a group that does not exist.

    Args:
        require: Raises PermissionError when its sender may not call this operation.
        has_ended: Whether nobody writes to the file any more: a last line without an end is sent, too.

    Raises:
        OSError: The file cannot be read, or its sender has no permission.
    """
    logs = backends.backend("logs", region)
    if group not in logs.groups:
        return False
    stream = logs.groups[group].streams.get(name)
    inode, offset = vars(stream).get("sent_until", (0, 0)) if stream else (0, 0)
    status = path.stat()
    lines: list[str] = []
    if inode and inode != status.st_ino:
        # It was renamed: what was written before that comes first.
        rotated = next((one for one in path.parent.iterdir() if one.stat().st_ino == inode), None)
        lines += _read(rotated, offset, True)[0] if rotated else []
        offset = 0
    elif offset > status.st_size:
        offset = 0  # it was truncated
    if status.st_size > offset:
        more, offset = _read(path, offset, has_ended)
        lines += more
    if lines:
        stream = _put(logs, group, name, lines, require)
    if stream:
        stream.sent_until = (status.st_ino, offset)
    return bool(lines)


def _put(logs: Any, group: str, name: str, lines: list[str], require: Callable[[str], None]) -> Any:
    streams = logs.groups[group].streams
    if name not in streams:
        require("CreateLogStream")
        logs.create_log_stream(group, name)
    require("PutLogEvents")
    now = int(unix_time_millis())
    logs.put_log_events(group, name, [{"timestamp": now, "message": line} for line in lines])
    _trim(streams, name)
    return streams[name]


def _trim(streams: Mapping[str, Any], name: str) -> None:
    """Forget the oldest events of a stream; and where that is not enough, those of the stream that ended first."""
    del streams[name].events[:-STREAM_EVENTS]
    while sum(len(stream.events) for stream in streams.values()) > GROUP_EVENTS:
        full = [stream for stream in streams.values() if stream.events]
        min(full, key=lambda stream: stream.events[-1].timestamp).events.clear()


def _read(path: Path, offset: int, has_ended: bool) -> tuple[list[str], int]:
    """Return the whole lines from an offset on, without empty ones, which the agent leaves out; and where they end.

    A line without an end is read when there is nobody left to end it, or when it is as long as an event can be.
    """
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read(READ_BYTES)
    end = content.rfind(b"\n") + 1
    if (has_ended and len(content) < READ_BYTES) or (not end and len(content) >= EVENT_BYTES):
        end = len(content)
    text = (line.rstrip(b"\r") for line in content[:end].split(b"\n"))
    pieces = (line[at : at + EVENT_BYTES] for line in text for at in range(0, len(line), EVENT_BYTES))
    return [piece.decode(errors="replace") for piece in pieces], offset + end
