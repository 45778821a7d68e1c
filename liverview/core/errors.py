"""The base of every error that liverview raises for what a person can mend."""

from __future__ import annotations


class LiverviewError(ValueError):
    """Something that a person can mend; the message names it, the value and the way out."""
