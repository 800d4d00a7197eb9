"""The traffic that a security group's rule allows: its ports, and the networks that mean the internet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVERYTHING = "everything"
INTERNET = {"0.0.0.0/0": "the internet", "::/0": "the internet (IPv6)"}
"""The networks that contain every address, and what a person calls them."""
_TEXT = re.compile(r"(?:(?P<protocol>[A-Za-z][\w-]*)(?: |$))?(?:(?P<low>\d+)(?:–(?P<high>-?\d+))?)?")


@dataclass(frozen=True)
class Ports:
    """A protocol and a range of ports, for ICMP a type and a code.

    An empty protocol, no ports, or the code -1 mean any.
    """

    protocol: str = ""
    low: int | None = None
    high: int | None = None

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Ports:
        """The ports of a rule or permission in EC2's form."""
        protocol, low, high = str(rule["IpProtocol"]), rule.get("FromPort"), rule.get("ToPort")
        if protocol == "-1":
            return cls()
        if protocol.isdigit():
            protocol = f"protocol {protocol}"
        return cls(protocol) if low in (None, -1) else cls(protocol, low, high)

    @classmethod
    def parse(cls, text: str) -> Ports:
        """Parse the text form: ``443``, ``1000–2000``, ``udp 53``, ``everything``."""
        match = _TEXT.fullmatch(text)
        if text == EVERYTHING or match is None:
            return cls() if text == EVERYTHING else cls(text)
        low = int(match["low"]) if match["low"] else None
        return cls(match["protocol"] or "tcp", low, int(match["high"]) if match["high"] else low)

    @property
    def in_plan(self) -> str:
        """As plans write it: ``tcp 22``, ``tcp 80-443``, ``all``.  The texts are part of fingerprints."""
        if not self.protocol:
            return "all"
        ports = "" if self.low is None else f" {self.low}" if self.low == self.high else f" {self.low}-{self.high}"
        return f"{self.protocol}{ports}"

    def __str__(self) -> str:
        if not self.protocol:
            return EVERYTHING
        ports = "" if self.low is None else str(self.low) if self.low == self.high else f"{self.low}–{self.high}"
        return " ".join(filter(None, ("" if self.protocol == "tcp" and ports else self.protocol, ports)))

    def common(self, other: Ports) -> Ports | None:
        """What both allow; ``None`` when they have nothing in common."""
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
