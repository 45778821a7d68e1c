"""Marks on lesions over restarts: with the scan's file, in the settings."""

from __future__ import annotations

import json
import re
from hashlib import sha256

from PySide6.QtCore import QObject, QSettings

from liverview.core.review import LesionMark
from liverview.files.review_record import FORMAT, LARGEST_TEXT, marks_content, parse_review
from liverview.ui.state.session import Session
from liverview.ui.stored import stored_text

_KEPT = 40  # scans whose marks the settings keep
_ORDER = "lesion_marks_order"
_KEY = re.compile("lesion_marks/[0-9a-f]{24}")


class KeptReview(QObject):
    """Keeps what was said of a scan's lesions, and gives it back with the scan."""

    def __init__(
        self, session: Session, settings: QSettings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._settings = session, settings
        self._known: tuple[LesionMark, ...] = ()  # what is kept of the open scan
        session.volume_changed.connect(self._on_volume_changed)
        session.review.changed.connect(self._keep)

    def _key(self) -> str | None:
        """The key of the open scan: its file's path and header."""
        volume, path = self._session.volume, self._session.path
        if volume is None or path is None:
            return None
        known = str(path.resolve()).encode(errors="surrogateescape")
        known += volume.source.header if volume.source else b""
        return f"lesion_marks/{sha256(known).hexdigest()[:24]}"

    def _on_volume_changed(self) -> None:
        volume, key = self._session.volume, self._key()
        if volume is not None:
            stored = stored_text(self._settings, key, LARGEST_TEXT) if key is not None else None
            self._known = parse_review(stored or "", volume).marks
            self._session.review.remember(self._known)

    def _keep(self) -> None:
        volume, key = self._session.volume, self._key()
        marks = self._session.review.remembered
        if volume is None or key is None or marks == self._known:
            return
        self._known = marks
        text = json.dumps({"format": FORMAT, **marks_content(marks, volume)}) if marks else ""
        if len(text) > LARGEST_TEXT:
            return
        order = stored_text(self._settings, _ORDER) or ""
        # Nothing else of the settings may be removed by a damaged list.
        keys = [one for one in order.split() if _KEY.fullmatch(one) and one != key]
        if text:
            self._settings.setValue(key, text)
            keys.append(key)
        else:
            self._settings.remove(key)
        for old in keys[:-_KEPT]:
            self._settings.remove(old)
        self._settings.setValue(_ORDER, " ".join(keys[-_KEPT:]))
