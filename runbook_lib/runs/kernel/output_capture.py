"""Capture the outputs of the cells of a running kernel, in their order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ...journal.redaction.redactor import REDACTOR

Output = dict[str, Any]


class OutputCapture:
    """Captures a kernel's output: streams, displays, results and errors.

    Known secrets are removed from displays and results before they are sent on, because JupyterLab
    saves them in the notebook.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._outputs: list[Output] = []
        self._displays: dict[str, list[Output]] = {}
        self._writes: dict[str, Callable[..., Any]] = {}
        for source in (shell.display_pub, shell.displayhook):
            if hasattr(source, "register_hook"):
                source.register_hook(self._capture_message)

    def open(self) -> None:
        """Start to capture a cell."""
        self._outputs = []
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            self._writes[name] = stream.write
            stream.write = self._capture_stream(name, stream.write)

    def close(self, error: BaseException | None = None) -> list[Output]:
        """End the capture of a cell; returns its outputs."""
        for name, write in self._writes.items():
            getattr(sys, name).write = write
        self._writes = {}
        if error is not None:
            self._outputs.append(self._error_output(error))
        return self._outputs

    def detach(self) -> None:
        """Stop capturing."""
        self.close()
        for source in (self._shell.display_pub, self._shell.displayhook):
            if hasattr(source, "unregister_hook"):
                source.unregister_hook(self._capture_message)

    def _capture_stream(self, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def capture(text: str, *args: Any, **kwargs: Any) -> Any:
            last = self._outputs[-1] if self._outputs else {}
            if last.get("name") == name:
                last["text"] += text
            else:
                self._outputs.append({"output_type": "stream", "name": name, "text": text})
            return write(text, *args, **kwargs)

        return capture

    def _capture_message(self, message: Any) -> Any:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "clear_output":
            self._outputs.clear()
            return message
        content["data"] = data = REDACTOR.redact(content["data"])
        name = str((content.get("transient") or {}).get("display_id") or "")
        if kind == "update_display_data":
            for output in self._displays.get(name, ()):
                output["data"] = data
            return message
        output = {"output_type": kind, "data": data, "metadata": content.get("metadata", {})}
        if kind == "execute_result":
            output["execution_count"] = content.get("execution_count")
        self._outputs.append(output)
        if name:
            self._displays.setdefault(name, []).append(output)
        return message

    def _error_output(self, error: BaseException) -> Output:
        render = getattr(error, "_render_traceback_", None)
        lines = render() if render else getattr(self._shell, "_last_traceback", None) or [repr(error)]
        return {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": list(lines)}
