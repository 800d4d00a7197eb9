"""The temporary credentials of instances, as EC2 hands them out. They live in memory, and end with the server."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

LIFETIME = timedelta(hours=1)
RENEWED_BEFORE_END = timedelta(minutes=30)  # well before an SDK looks for new ones: botocore does 15 minutes before

# Temporary keys begin with ASIA; these are recognized also after the server that knew them has ended.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
PREFIX = "ASIAEMBEDDED"
KEY_ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Session:
    """A role that an instance has assumed."""

    role_arn: str
    role_id: str
    name: str  # the instance's id
    access_key: str
    expires: datetime
    issued: datetime
    secret_key: str = field(repr=False)
    token: str = field(repr=False)

    @property
    def arn(self) -> str:
        """The caller as `sts get-caller-identity` names it."""
        account = self.role_arn.split(":")[4]
        return f"arn:aws:sts::{account}:assumed-role/{self.role_arn.rpartition('/')[2]}/{self.name}"

    @property
    def user_id(self) -> str:
        """The role's unique id and the session's name."""
        return f"{self.role_id}:{self.name}"

    @property
    def has_expired(self) -> bool:
        """Whether its credentials are no longer valid."""
        return datetime.now(UTC) >= self.expires


class Sessions:
    """The sessions of all instances."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_key: dict[str, Session] = {}
        self._current: dict[tuple[str, str], Session] = {}  # by instance, and by role id

    def issue(self, instance_id: str, role_arn: str, role_id: str) -> Session:
        """Return valid credentials of an instance for a role: the current ones, or new ones before those expire."""
        now = datetime.now(UTC)
        with self._lock:
            current = self._current.get((instance_id, role_id))
            if current and now < current.expires - RENEWED_BEFORE_END:
                return current
            key = PREFIX + "".join(secrets.choice(KEY_ALPHABET) for _ in range(20 - len(PREFIX)))
            secret, token = secrets.token_urlsafe(30), secrets.token_hex(128)
            session = Session(role_arn, role_id, instance_id, key, now + LIFETIME, now, secret, token)
            self._by_key = {name: one for name, one in self._by_key.items() if now < one.expires + LIFETIME}
            self._by_key[key] = self._current[instance_id, role_id] = session
            return session

    def find(self, access_key: str) -> Session | None:
        """Return the session of an access key, also one that has expired lately."""
        with self._lock:
            return self._by_key.get(access_key)


sessions = Sessions()
