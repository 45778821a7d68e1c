"""Names of devices, as a person gives them; torch is not needed to see that one is wrong."""

from __future__ import annotations

from liverview.core.errors import LiverviewError


class DeviceError(LiverviewError):
    """A device that is not there; the message names those that are."""


def check_device_name(name: str) -> None:
    """Raise `DeviceError` for a name that is none of auto, cpu, cuda, cuda:N and mps."""
    kind, _, number = name.partition(":")
    numbered = kind == "cuda" and number.isdecimal()
    if kind not in ("auto", "cpu", "cuda", "mps") or (":" in name and not numbered):
        raise DeviceError(f"The device {name!r} is not known: use auto, cpu, cuda, cuda:N or mps.")
