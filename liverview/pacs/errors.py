"""Errors of a PACS: each a sentence that names the node, what happened, and the way out."""

from __future__ import annotations

from liverview.core.errors import LiverviewError


class PacsError(LiverviewError):
    """A node that cannot be talked with, or does not do what it was asked for."""


class TokenNeededError(PacsError):
    """A DICOMweb node wants a token, or another one than it was given."""
