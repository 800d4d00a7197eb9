"""The kernel of a notebook that the command runs: the runner starts its process, papermill's client takes it over."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import launch_new_instance
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .client import OwnKernel, RunbookClient

_LAUNCHER = "ipykernel_launcher"
_PROVISIONER = "runbook"


class KernelProcess:
    """A kernel's process, with the methods of :class:`subprocess.Popen` that jupyter_client calls.

    Args:
        pid: Its process id.
        connection: To :func:`run_kernel` in it.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, connection: Connection) -> None:
        self.pid, self._connection = pid, connection

    def launch(self, command: list[str], environment: Mapping[str, str], folder: str) -> None:
        """Let it become the kernel of a command line."""
        self._connection.send((command, dict(environment), folder))

    def poll(self) -> int | None:
        """``None`` while it runs; its exit code is not known here: it is no child of this process."""
        try:
            self.send_signal(0)
        except ProcessLookupError:
            return 1
        return None

    def wait(self) -> int:
        """Wait until it has ended."""
        while not (code := self.poll()):
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """End it."""
        self.send_signal(signal.SIGTERM)

    kill = terminate


class Provisioner(LocalProvisioner):
    """jupyter_client's own provisioner, but for the process: it is there already.

    https://jupyter-client.readthedocs.io/en/stable/provisioning.html
    """

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Let the process become the kernel; returns how one connects to it.

        Args:
            cmd: The command of the kernel spec: the interpreter, ``-m``, the module, and its arguments.
            options: Its environment and folder, as Popen takes them.
        """
        process: Any = self.parent.process  # type: ignore[union-attr]  # the manager
        self.process, self.cwd = process, options.get("cwd") or str(Path.cwd())
        process.launch(cmd[cmd.index(_LAUNCHER) :], options["env"], self.cwd)
        self.pid = self.pgid = process.pid
        return self.connection_info


class StartedKernelClient(RunbookClient):
    """The client of a kernel whose process the runner has started."""

    def __init__(self, *arguments: Any, process: KernelProcess, **options: Any) -> None:
        self._process = process
        super().__init__(*arguments, **options)

    def create_kernel_manager(self) -> Any:
        """Create the manager; another kernel than this interpreter's is started as jupyter_client does it."""
        manager = super().create_kernel_manager()
        if isinstance(manager.kernel_spec_manager, OwnKernel):
            factory = KernelProvisionerFactory.instance()
            factory.provisioners[_PROVISIONER] = EntryPoint(
                _PROVISIONER, f"{__name__}:{Provisioner.__name__}", factory.GROUP_NAME
            )
            manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": _PROVISIONER}
            manager.process = self._process
        return manager


def run_kernel(connection: Connection) -> None:
    """Be the kernel that :class:`KernelProcess` asks for, until it is shut down or the process that asked has ended."""
    os.setsid()  # Ctrl-C in the terminal is for the command, which interrupts its kernels
    try:
        command, environment, folder = connection.recv()
    except EOFError:
        return
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    launch_new_instance()
    os._exit(0)


def _end_with(connection: Connection) -> None:
    """End this process when the other end is closed."""
    connection.poll(None)
    os._exit(1)
