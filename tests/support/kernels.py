"""A running kernel, and a client that runs cells in it as JupyterLab does."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jupyter_client.manager import KernelManager

import runbook_lib

OPEN = """
from pathlib import Path
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.runs.kernel.recorder import Recorder
folder = RunFolder(Path({environment!r}), {run!r}, "01_network")
recorder = Recorder.start(folder, folder.journal())
"""


class KernelClient:
    """Runs cells one after the other."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self._client = manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, code: str, cell: str = "", *, interrupt_at: str = "") -> dict:
        """Run one cell with the id of a notebook's cell; returns the kernel's reply.

        Args:
            interrupt_at: A text; the cell is interrupted when it has printed it.
        """
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": False}
        request = self._client.session.msg("execute_request", content, metadata={"cellId": cell} if cell else {})
        self._client.shell_channel.send(request)
        while interrupt_at:
            message = self._client.get_iopub_msg(timeout=60)
            if interrupt_at in message["content"].get("text", ""):
                self.manager.interrupt_kernel()
                break
        while True:
            reply = self._client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == request["header"]["msg_id"]:
                return reply["content"]

    def shown(self) -> list[str]:
        """The texts that the kernel has displayed or updated."""
        texts = []
        with suppress(queue.Empty):
            while True:
                message = self._client.get_iopub_msg(timeout=0.5)
                if message["msg_type"] in ("display_data", "update_display_data"):
                    texts.append(message["content"]["data"]["text/plain"])
        return texts

    def drain(self) -> int:
        """Read the messages that the kernel has sent about its cells; returns how many there were."""
        count = 0
        with suppress(queue.Empty):
            while True:
                self._client.get_iopub_msg(timeout=0.5)
                count += 1
        return count

    def close(self) -> None:
        self._client.stop_channels()


@contextmanager
def kernel(file: Path | None = None) -> Iterator[KernelClient]:
    """Start a kernel of the notebook *file* as Jupyter's server does."""
    environment = {**os.environ, "PYTHONPATH": str(Path(runbook_lib.__file__).parents[1])}
    environment.pop("JPY_SESSION_NAME", None)
    if file:
        environment["JPY_SESSION_NAME"] = str(file)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment)
    try:
        client = KernelClient(manager)
        yield client
        client.close()
    finally:
        manager.shutdown_kernel(now=True)
