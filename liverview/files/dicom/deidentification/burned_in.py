"""Warnings of pixels that may show names: what tags say of text that is burned in."""

from __future__ import annotations

from typing import Any

_SCREENS = frozenset({"SC", "OT", "US", "IVUS", "XC", "ES", "DOC", "SCREEN SAVE", "HC", "GM"})
_WORDS = frozenset({"SECONDARY", "SCREEN SAVE", "SCREENSHOT", "SECONDARY CAPTURE", "CAPTURE"})


def pixel_warnings(data: Any) -> tuple[str, ...]:
    """Sentences on what the pixels of an image may say of the patient, by its tags.

    Parameters
    ----------
    data : the image's data set, before anything was removed.
    """
    found = []
    said = str(data.get("BurnedInAnnotation") or "").strip().upper()
    if said == "YES":
        found.append("A tag says that text is burned into the pixels: look at them for names.")
    elif said != "NO" and _is_capture(data):
        found.append(
            "The pixels are a picture of a screen or a secondary capture, and no tag says that no "
            "text is burned into them: look at them for names."
        )
    planes = [tag for tag in list(data.keys()) if tag.group >> 8 == 0x60 and tag.element == 0x0102]
    if any(data[tag].value for tag in planes):
        found.append(
            "Unused bits of the pixels hold an overlay, which stays: look at it for names."
        )
    return tuple(found)


def _is_capture(data: Any) -> bool:
    kinds = {str(value).strip().upper() for value in _values(data.get("ImageType"))}
    by_class = str(data.get("SOPClassUID", "")).startswith("1.2.840.10008.5.1.4.1.1.7")
    by_modality = str(data.get("Modality") or "").strip().upper() in _SCREENS
    return by_class or by_modality or bool(kinds & _WORDS) or "ConversionType" in data


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)
