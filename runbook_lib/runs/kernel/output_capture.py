"""Capture the outputs of the cells of a running kernel, in their order."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...files import write_atomically
from ...journal.redaction.redactor import REDACTOR

Output = dict[str, Any]


SHOWN_LINES, SHOWN_CHARACTERS = 500, 50_000
"""How much of a cell's stream is shown while it runs; of a longer one, the end is shown after it."""
SHOWN_END_LINES, SHOWN_END_CHARACTERS = 20, 4_000
KEPT_CHARACTERS = 5_000_000
"""How much of the beginning, and of the end, of a longer stream is kept in a file."""
SHOWN_DISPLAYS = 200
"""How many displays of one cell are shown."""
DISPLAY_CHARACTERS = 10_000_000
"""The largest display that is shown."""
_LONGEST_SECRET = 65_536
"""A secret that is cut by a limit is searched this far beyond it."""


class _Stream:
    """What a cell writes to one stream: shown up to a limit, and kept up to another one."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._forward = forward
        self._lines = self._shown = self.characters = 0
        self._first: list[str] = []
        self._last: deque[str] = deque()
        self._in_first = self._in_last = 0

    @property
    def is_cut(self) -> bool:
        """Whether some of it was not shown."""
        return self._shown < self.characters

    def write(self, text: str) -> str:
        """Take a text; returns the part of it that is shown."""
        room = 0
        if not self.is_cut:
            lines = text.splitlines(keepends=True)[: max(0, SHOWN_LINES - self._lines)]
            room = min(sum(map(len, lines)), SHOWN_CHARACTERS - self._shown)
            self._lines += text.count("\n", 0, room)
        self.characters += len(text)
        self._shown += room
        self._keep(text)
        if room:
            self._forward(text[:room])
        return text[:room]

    def kept(self) -> str:
        """All of it without secrets; of a very long one the beginning and the end."""
        if self.characters <= 2 * KEPT_CHARACTERS + _LONGEST_SECRET:
            return REDACTOR.redact_text("".join([*self._first, *self._last]))
        first = REDACTOR.redact_text("".join(self._first))
        last = REDACTOR.redact_text("".join(self._last)[-KEPT_CHARACTERS - _LONGEST_SECRET :])
        left_out = self.characters - 2 * KEPT_CHARACTERS
        note = f"\n[{left_out:,} characters were left out here]\n"
        return first[:KEPT_CHARACTERS] + note + last[-KEPT_CHARACTERS:]

    def _keep(self, text: str) -> None:
        room = KEPT_CHARACTERS + _LONGEST_SECRET - self._in_first
        if room > 0:
            self._first.append(text[:room])
            self._in_first += len(text[:room])
            text = text[room:]
        if text:
            self._last.append(text)
            self._in_last += len(text)
        while self._last and self._in_last - len(self._last[0]) > KEPT_CHARACTERS + _LONGEST_SECRET:
            self._in_last -= len(self._last.popleft())


class OutputCapture:
    """Captures a kernel's output: streams, displays, results and errors.

    Known secrets are removed from displays and results before they are sent on, because JupyterLab
    saves them in the notebook.  A long stream is shown cut and kept in a file: neither the browser, nor
    papermill, nor the evidence keeps up with all of it.

    Args:
        path_of: The file that keeps a long stream of the current cell, by the stream's name.
    """

    def __init__(self, shell: Any, path_of: Callable[[str], Path]) -> None:
        self._shell, self._path_of = shell, path_of
        self._outputs: list[Output] = []
        self._displays: dict[str, list[Output]] = {}
        self._writes: dict[str, Callable[..., Any]] = {}
        self._streams: dict[str, _Stream] = {}
        self._shown_displays = 0
        for source in (shell.display_pub, shell.displayhook):
            if hasattr(source, "register_hook"):
                source.register_hook(self._capture_message)

    def open(self) -> None:
        """Start to capture a cell."""
        self._outputs, self._shown_displays = [], 0
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            self._writes[name] = stream.write
            self._streams[name] = _Stream(stream.write)
            stream.write = self._capture_stream(name)

    def close(self, error: BaseException | None = None) -> list[Output]:
        """End the capture of a cell; returns its outputs."""
        for name, write in self._writes.items():
            getattr(sys, name).write = write
            self._show_end(name)
        self._writes = {}
        if self._shown_displays > SHOWN_DISPLAYS:
            self._add_text("stderr", f"[{self._shown_displays - SHOWN_DISPLAYS:,} more displays were not shown]\n")
        if error is not None:
            self._outputs.append(self._error_output(error))
        return self._outputs

    def detach(self) -> None:
        """Stop capturing."""
        self.close()
        for source in (self._shell.display_pub, self._shell.displayhook):
            if hasattr(source, "unregister_hook"):
                source.unregister_hook(self._capture_message)

    def _capture_stream(self, name: str) -> Callable[..., Any]:
        def capture(text: str, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(text, str):
                return self._writes[name](text, *args, **kwargs)  # which refuses it
            if shown := self._streams[name].write(text):
                self._append(name, shown)
            return len(text)

        return capture

    def _show_end(self, name: str) -> None:
        """Keep a long stream in a file, and show its last lines."""
        stream = self._streams.pop(name)
        if not stream.is_cut:
            return
        kept, path = stream.kept(), self._path_of(name)
        try:
            write_atomically(path, kept.encode("utf-8", errors="replace"))
            where = f"the file {path.parent.name}/{path.name} of the evidence has it"
        except OSError as error:
            where = f"it could not be kept: {error.strerror or error}"
        end = "".join(kept.splitlines(keepends=True)[-SHOWN_END_LINES:])[-SHOWN_END_CHARACTERS:]
        self._add_text(name, f"\n[{stream.characters:,} characters were written; {where}; its end:]\n{end}")

    def _add_text(self, name: str, text: str) -> None:
        self._append(name, text)
        getattr(sys, name).write(text)

    def _append(self, name: str, text: str) -> None:
        last = self._outputs[-1] if self._outputs else {}
        if last.get("name") == name:
            last["text"] += text
        else:
            self._outputs.append({"output_type": "stream", "name": name, "text": text})

    def _capture_message(self, message: Any) -> Any:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "clear_output":
            self._outputs.clear()
            return message
        if kind != "update_display_data":
            self._shown_displays += 1
            if self._shown_displays > SHOWN_DISPLAYS:
                return None  # IPython sends nothing
        content["data"] = data = REDACTOR.redact(_limit(content["data"]))
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


def _limit(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a display, or a line about it where it is too large to be shown."""
    size = sum(len(text) for text in data.values() if isinstance(text, str))
    if size <= DISPLAY_CHARACTERS:
        return data
    return {"text/plain": f"[an output of {size:,} characters is not shown; write it to a file to keep it]"}
