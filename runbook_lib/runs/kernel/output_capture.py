"""What the cells of a running kernel put out, and in which order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ...journal.redaction.redactor import REDACTOR

Output = dict[str, Any]


class OutputCapture:
    """Listens to a kernel's screen: what is printed, displayed and returned, and which error was shown.

    What is displayed goes on without secrets, as far as they are known: JupyterLab keeps it in
    the notebook.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._outputs: list[Output] = []
        self._displays: dict[str, list[Output]] = {}
        self._writes: dict[str, Callable[..., Any]] = {}
        for source in (shell.display_pub, shell.displayhook):
            if hasattr(source, "register_hook"):
                source.register_hook(self._displayed)

    def open(self) -> None:
        """A cell begins."""
        self._outputs = []
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            self._writes[name] = stream.write
            stream.write = self._writing(name, stream.write)

    def close(self, error: BaseException | None = None) -> list[Output]:
        """A cell has ended: all that it put out."""
        for name, write in self._writes.items():
            getattr(sys, name).write = write
        self._writes = {}
        if error is not None:
            self._outputs.append(self._raised(error))
        return self._outputs

    def detach(self) -> None:
        """Listen no more."""
        self.close()
        for source in (self._shell.display_pub, self._shell.displayhook):
            if hasattr(source, "unregister_hook"):
                source.unregister_hook(self._displayed)

    def _writing(self, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def written(text: str, *args: Any, **kwargs: Any) -> Any:
            last = self._outputs[-1] if self._outputs else {}
            if last.get("name") == name:
                last["text"] += text
            else:
                self._outputs.append({"output_type": "stream", "name": name, "text": text})
            return write(text, *args, **kwargs)

        return written

    def _displayed(self, message: Any) -> Any:
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

    def _raised(self, error: BaseException) -> Output:
        lines = getattr(error, "_render_traceback_", None)
        told = lines() if lines else getattr(self._shell, "_last_traceback", None) or [repr(error)]
        return {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": list(told)}
