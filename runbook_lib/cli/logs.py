"""``runbook logs``: print what the servers' processes wrote, from CloudWatch Logs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import click

from .. import paths
from ..aws.client import Aws
from ..errors import RequestRejected, WrongUsage
from ..journal.redaction.redactor import REDACTOR
from ..params import load, params_file
from ..runs.start import aws_client, check_endpoint, new_run, sign_in
from ..stacks.server_logs import SERVER_PROCESSES, LogSource, group_of
from .arguments import EnvironmentName

POLL_SECONDS = 2.0
"""Between two calls of ``--follow``: an account may make five calls in a second.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html (FilterLogEvents)
"""
LATE = timedelta(seconds=30)
"""How much later than another line an older one may arrive: each server sends its own."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MAX_STREAMS = 500
_MAX_NAMES = 20


class Since(click.ParamType[datetime]):
    """A time, or how long ago it was."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the time; one without an offset is UTC."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        try:
            if ago := re.fullmatch(r"([0-9]+)([smhd])", text, re.ASCII):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            at.timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{text!a} is no time. Write 10m, 2h or 1d, or a time such as 2026-11-28T16:00:00Z.", param, ctx)
        if at > datetime.now(UTC):
            self.fail(f"{text!a} is in the future.", param, ctx)
        return at


@dataclass(frozen=True)
class Line:
    """A line that a process wrote."""

    id: str
    at: datetime
    source: LogSource
    text: str

    def __str__(self) -> str:
        when = f"{self.at:%Y-%m-%dT%H:%M:%S}.{self.at.microsecond // 1000:03d}Z"
        return f"{when} {self.source.server} {self.source.process} {self.text}"


@dataclass(frozen=True)
class LogReader:
    """Reads the lines of an environment's servers.

    Args:
        server: The id of an instance; empty for all.
        process: The name of a process; empty for those of the application.
    """

    aws: Aws
    server: str = ""
    process: str = ""

    @property
    def group(self) -> str:
        """The log group that holds them."""
        return group_of(self.aws.env, self.process)

    def lines(self, since: datetime) -> Iterator[Line]:
        """Yield the lines from a time on, as CloudWatch Logs sorts them.

        Raises:
            WrongUsage: There is no log group yet.
        """
        request: dict[str, Any] = {"logGroupName": self.group, "startTime": _milliseconds(since)}
        if self.server:
            request["logStreamNamePrefix"] = f"{self.server}_"
        while True:
            try:
                page = self.aws.logs.filter_log_events(**request)
            except RequestRejected as error:
                raise self._without_group(error) from error
            for event in page.get("events", ()):
                source = LogSource.of_stream(event["logStreamName"])
                if self.process in ("", source.process):
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    for text in event["message"].splitlines() or [""]:
                        yield Line(event["eventId"], at, source, text)
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def follow(self, since: datetime) -> Iterator[Line]:
        """Yield the lines from a time on, and then what is written, without an end."""
        known: dict[str, datetime] = {}
        while True:
            new: dict[str, datetime] = {}
            for line in self.lines(since):
                if line.id not in known:
                    new[line.id] = line.at
                    yield line
            known |= new
            since = max([since, *(at - LATE for at in known.values())])
            known = {name: at for name, at in known.items() if at >= since}
            time.sleep(POLL_SECONDS)

    def require_source(self) -> None:
        """Check that the server and the process have ever written something.

        Raises:
            WrongUsage: They have not; it says which have.
        """
        sources = self._sources()
        for kind, wanted, options in (
            ("server", self.server, list(dict.fromkeys(source.server for source in sources))),
            ("process", self.process, sorted({source.process for source in sources} | {*SERVER_PROCESSES})),
        ):
            if wanted and wanted not in options:
                some = ", ".join(options[:_MAX_NAMES]) + (" …" if len(options) > _MAX_NAMES else "")
                raise WrongUsage(
                    f"No {kind} {wanted!a} has written to {self.group}.",
                    fix=f"Use one of: {some}." if some else "Wait until the first server has started.",
                )

    def _sources(self) -> list[LogSource]:
        """Return what has written, last first."""
        return [LogSource.of_stream(name) for name in islice(self._streams(), _MAX_STREAMS)]

    def _streams(self) -> Iterator[str]:
        request = {"logGroupName": self.group, "orderBy": "LastEventTime", "descending": True}
        while True:
            try:
                page = self.aws.logs.describe_log_streams(**request)
            except RequestRejected as error:
                raise self._without_group(error) from error
            yield from (stream["logStreamName"] for stream in page["logStreams"])
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def _without_group(self, error: RequestRejected) -> Exception:
        if error.code != "ResourceNotFoundException":
            return error
        env = self.aws.env
        return WrongUsage(
            f"{env} has no logs: there is no log group {self.group}.", fix=f"Create it: runbook apply --env {env}."
        )


@click.command()
@click.option("--env", type=EnvironmentName(), required=True, metavar="ENV", help="A file in params/, e.g. local.")
@click.option("--server", default="", metavar="ID", help="Only this instance, e.g. i-0123456789abcdef0.")
@click.option(
    "--process", default="", metavar="NAME",
    help=f"Only this line of the Procfile, e.g. web; or {' or '.join(SERVER_PROCESSES)}.",
)  # fmt: skip
@click.option(
    "--since", type=Since(), default="10m", show_default=True, metavar="TIME",
    help="How long ago (30s, 10m, 2h, 1d), or a time such as 2026-11-28T16:00:00Z.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option("--mfa-token", default="", metavar="CODE", help="The code of your MFA device, instead of asking.")
def logs(env: str, server: str, process: str, since: datetime, follow: bool, mfa_token: str) -> None:
    """Print what the application's processes wrote, on all servers.

    Each line has time, server and process. Servers that are gone are included. Secrets are redacted, and control
    characters are written as escapes.
    """
    root, run = paths.root(), new_run("logs")
    params = load(params_file(root, env))
    check_endpoint(params, root)
    sign_in(params, root, run, mfa_token)
    reader = LogReader(aws_client(params, root, run), server, process)
    if server or process:
        reader.require_source()
    last = since
    try:
        for line in reader.follow(since) if follow else reader.lines(since):
            click.echo(_printable(REDACTOR.redact_text(str(line))))
            last = max(last, line.at)
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        click.echo(f"Go on: runbook logs --env {env} --since {last:%Y-%m-%dT%H:%M:%SZ} --follow", err=True)


def _printable(text: str) -> str:
    """A line without control characters, which could change what a terminal shows."""
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)


def _milliseconds(at: datetime) -> int:
    return max(0, int(at.timestamp() * 1000))
