"""The state folder `.runbook/local/` of a root: the address of its embedded AWS, and the saved account."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embedded_aws.files import write_atomically
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.settings import ACCESS_KEY, ACCOUNT, OTHER_ACCOUNTS, REGION, SECRET_KEY
from runbook_lib.aws.connection import Connection
from runbook_lib.errors import LocalError


@dataclass(frozen=True)
class Address:
    """How to reach a running embedded AWS, and the token of its control API."""

    port: int
    token: str
    code: str
    process: ProcessIdentity
    notice: str = ""  # what the operator should know about this start

    @property
    def url(self) -> str:
        """The endpoint for AWS clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> Connection:
        """The endpoint and the credentials of its own account."""
        return Connection(self.url, ACCESS_KEY, SECRET_KEY)

    def connection_of(self, account: str) -> Connection:
        """The endpoint and the credentials of another account, which exists from the first call with them."""
        return Connection(self.url, f"{OTHER_ACCOUNTS}{account}", SECRET_KEY)


class StateFolder:
    """The files of one embedded AWS. Only their owner can read them."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.path = self.root / ".runbook" / "local"
        self.log = self.path / "server.log"
        self.state = self.path / "state.pickle"
        self.faults = self.path / "faults.json"
        self.unsaved = self.path / "unsaved"
        self.pace = self.path / "pace"
        self.place = self.path / "place.json"
        self.start_lock = self.path / "start.lock"
        self.server_lock = self.path / "server.lock"
        self._address = self.path / "address.json"
        self._port = self.path / "port"

    def create(self) -> None:
        """Create the folder, closed to other users: it holds a token and the secrets in the account.

        Raises:
            LocalError: It cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise LocalError(
                f"{self.path} cannot be written: {error.strerror}",
                fix="make the folder yours, or set RUNBOOK_ROOT to one that you can write",
            ) from None

    def read_address(self) -> Address | None:
        """Return what the last server wrote when it was ready, whether or not it is still running."""
        address = _read_json(self._address)
        try:
            return Address(**{**address, "process": ProcessIdentity(**address["process"])}) if address else None
        except (KeyError, TypeError):  # written by another version
            return None

    def write_address(self, address: Address) -> None:
        """Write that the server is ready; its port is used again after a restart."""
        write_atomically(self._address, json.dumps(asdict(address)))
        write_atomically(self._port, str(address.port))

    def clear_address(self) -> None:
        """Remove the address: no server is ready."""
        self._address.unlink(missing_ok=True)

    def last_port(self) -> int:
        """Return the port of the last server; 0 when there was none."""
        try:
            return int(self._port.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def read_pace(self) -> float:
        """Return the pace of the last start; 0 when there was none."""
        try:
            return float(self.pace.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0

    def write_pace(self, pace: float) -> None:
        """Save the pace for the next start."""
        write_atomically(self.pace, f"{pace:g}")

    def read_place(self) -> tuple[str, str]:
        """Return the account's number and the region."""
        place = _read_json(self.place) or {}
        return place.get("account", ACCOUNT), place.get("region", REGION)

    def write_place(self, account: str, region: str) -> None:
        """Save the account's number and the region; only an account that holds nothing may get others."""
        write_atomically(self.place, json.dumps({"account": account, "region": region}))

    def read_unsaved(self) -> str:
        """Return why the last save failed; empty when it did not."""
        try:
            return self.unsaved.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def read_lock_holder(self) -> ProcessIdentity | None:
        """Return the server that wrote its identity into the server lock; it may be starting, running or dead."""
        holder = _read_json(self.server_lock)
        try:
            return ProcessIdentity(**holder) if holder else None
        except TypeError:
            return None


def not_saved(reason: str) -> LocalError:
    """Return the error for an account that cannot be saved."""
    return LocalError(
        f"the account of the embedded AWS cannot be saved ({reason}): its next start begins with the last one that was",
        fix="look into `runbook local logs`; `runbook plan --env local` shows what is missing after the next start",
    )


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):  # missing, unreadable or truncated
        return None
    return content if isinstance(content, dict) else None
