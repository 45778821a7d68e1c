"""How long a node may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which a node counts as silent.

    Attributes
    ----------
    connect : until the line is open.
    reply : between two messages, or two pieces of data.
    """

    connect: float = 10.0
    reply: float = 60.0


STANDARD = Timeouts()
