"""papermill's client for the kernel: this interpreter's own, and with every reply and message passed on."""

from __future__ import annotations

from typing import Any

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from nbclient.exceptions import CellExecutionError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager

from ...evidence.notebooks.cells import State, is_executable
from ..kernel.shell import MESSAGE

KERNEL_SECONDS = 1.5
"""Seconds that a kernel has to end, also within a cell that was interrupted."""
OUTPUT_SECONDS = 60
"""Seconds that outputs may arrive after their cell has ended; nbclient's own limit is 4."""


class OwnKernel(KernelSpecManager):
    """Finds the kernel of this interpreter by whatever name.

    A folder of ``JUPYTER_PATH`` may have a ``python3`` of another interpreter, which comes first.
    https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs
    """

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel with which this process was started."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


class RunbookClient(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client; it passes replies and messages of the kernel to the execution manager."""

    def papermill_execute_cells(self) -> None:
        """Run the cells, until one fails or is interrupted."""
        for index, cell in enumerate(self.nb.cells):
            if is_executable(cell):
                try:
                    with self.nb_man.running(cell, index):
                        self.execute_cell(cell, index)
                except CellExecutionError:
                    break
                if self.nb_man.cells.at(index).state is State.INTERRUPTED:
                    break

    def __init__(self, execution: NotebookExecutionManager, **options: Any) -> None:
        options = {"iopub_timeout": OUTPUT_SECONDS, **options}
        super().__init__(execution, on_cell_executed=self._on_cell_executed, **options)

    def create_kernel_manager(self) -> Any:
        """This interpreter's kernel, unless papermill was told another one by name.

        A kernel that does not end by itself is killed after :data:`KERNEL_SECONDS`.
        """
        manager = super().create_kernel_manager()
        if self.kernel_name in (self.nb.metadata.get("kernelspec", {}).get("name"), NATIVE_KERNEL_NAME):
            manager.kernel_spec_manager = OwnKernel()
        manager.shutdown_wait_time = KERNEL_SECONDS
        return manager

    def _on_cell_executed(self, execute_reply: Any, **_: Any) -> None:
        self.nb_man.on_reply(execute_reply["content"])

    def process_message(self, message: Any, *args: Any) -> Any:
        """Pass a message of the runbook to the execution manager, and any other to papermill."""
        if message["msg_type"] == MESSAGE:
            self.nb_man.on_message(message["content"])
            return None
        return super().process_message(message, *args)
