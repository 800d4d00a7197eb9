"""Ports that a rule of a security group speaks of, and what two rules have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVERYTHING = "everything"
_TOLD = re.compile(r"(?:(?P<protocol>[A-Za-z][\w-]*)(?: |$))?(?:(?P<low>\d+)(?:–(?P<high>-?\d+))?)?")


@dataclass(frozen=True)
class Ports:
    """A protocol and a range of its ports, of ICMP a type and a code; none is any of them, as is code -1."""

    protocol: str = ""
    low: int | None = None
    high: int | None = None

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Ports:
        """Those of a rule as AWS shows it."""
        protocol, low, high = str(rule["IpProtocol"]), rule.get("FromPort"), rule.get("ToPort")
        if protocol == "-1":
            return cls()
        if protocol.isdigit():
            protocol = f"protocol {protocol}"
        return cls(protocol) if low in (None, -1) else cls(protocol, low, high)

    @classmethod
    def told(cls, words: str) -> Ports:
        """Those that are written down: ``443``, ``1000–2000``, ``udp 53``, ``everything``."""
        found = _TOLD.fullmatch(words)
        if words == EVERYTHING or found is None:
            return cls() if words == EVERYTHING else cls(words)
        low = int(found["low"]) if found["low"] else None
        return cls(found["protocol"] or "tcp", low, int(found["high"]) if found["high"] else low)

    def __str__(self) -> str:
        if not self.protocol:
            return EVERYTHING
        ports = "" if self.low is None else str(self.low) if self.low == self.high else f"{self.low}–{self.high}"
        return " ".join(filter(None, ("" if self.protocol == "tcp" and ports else self.protocol, ports)))

    def common(self, other: Ports) -> Ports | None:
        """What both let through; ``None`` where that is nothing."""
        if not self.protocol or not other.protocol:
            return other if not self.protocol else self
        if self.protocol != other.protocol:
            return None
        if self.low is None or other.low is None:
            return other if self.low is None else self
        if self.protocol.startswith("icmp"):
            alike = self.low == other.low and (self.high == other.high or -1 in (self.high, other.high))
            return (other if self.high == -1 else self) if alike else None
        low, high = max(self.low, other.low), min(self.high or 0, other.high or 0)
        return Ports(self.protocol, low, high) if low <= high else None
