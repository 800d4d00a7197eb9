"""Servers of our own: on a free port of this machine, in a folder that goes with the test."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float = 30, every: float = 0.05) -> None:
    """Wait for something to become true; fail naming it when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {getattr(condition, '__qualname__', condition)}")
        time.sleep(every)


class Process:
    """A server process, stopped with the test; what it says goes to a file beside its data."""

    def __init__(
        self, command: list[str], folder: Path, ready: Callable[[], object], environ: Mapping[str, str] | None = None
    ) -> None:
        self.command, self.folder, self.ready, self.environ = command, folder, ready, environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cwd: Path | None = None) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=cwd or self.folder,
                env=self.environ,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        until(self._answers)

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"{self.command[0]} ended: {self.output()[-2000:]}")
        try:
            self.ready()
        except Exception:  # noqa: BLE001 - whatever a client raises while there is no server
            return False
        return True

    def output(self) -> str:
        """What it has said so far."""
        return (self.folder / "output").read_text(errors="replace")

    def kill(self) -> None:
        """As if the machine were gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float = 30) -> int:
        """Ask it to end; its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command[0]} did not stop in {seconds} s") from None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stopped while the block runs; back after it, whatever happened."""
        self.stop()
        try:
            yield
        finally:
            self.start()
