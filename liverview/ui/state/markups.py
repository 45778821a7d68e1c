"""The open scan's rulers and ellipses: which there are, and which is chosen."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal

from liverview.core.volume import Volume
from liverview.editing.step import Change
from liverview.files.atomic import resolved
from liverview.measurement.markup.listing import Entry, MarkupError, Markups
from liverview.measurement.markup.shapes import Markup
from liverview.ui.state.session import Session
from liverview.ui.stored import stored_text, stored_texts

_WORDS_KEPT = 500
_KEPT = 40  # scans whose markups the settings keep
_LONGEST = 1 << 20  # letters of those of one scan: some thousand
_KEY = re.compile("markups/[0-9a-f]{24}")


MEASUREMENTS = "measurements"
"""The part of the state that the history knows as this."""


class ScanMarkups(QObject):
    """The markups of what is open; they go with the scan, and come back with its file.

    Signals
    -------
    changed : the list, what is in it, or what is chosen.

    Attributes
    ----------
    chosen : the id of the one that Delete removes; None where none is.
    shown : whether views draw them.
    """

    changed = Signal()

    def __init__(
        self, session: Session, settings: QSettings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.settings = settings
        self.chosen: int | None = None
        self.shown = True
        self._all = Markups()
        self._words: dict[Markup, str] = {}
        session.store.history.register(StepsOfMarkups(self))
        session.volume_changed.connect(self._on_volume_changed)

    def entries(self) -> list[Entry]:
        """All of them, in the order they were drawn."""
        return list(self._all)

    def copy(self) -> Markups:
        """All of them, for who works on while they change here."""
        return self._all.copy()

    def find(self, id_: int | None) -> Entry | None:
        """The one with an id."""
        return next((entry for entry in self._all if entry.id == id_), None)

    def words(self, markup: Markup) -> str:
        """The measurement of one in words; kept, for every repaint of every view asks."""
        assert self.session.volume is not None
        if markup not in self._words:
            if len(self._words) >= _WORDS_KEPT:  # a drag asks for many
                self._words.clear()
            self._words[markup] = markup.words(self.session.volume)
        return self._words[markup]

    # ---- changes ---------------------------------------------------------------------------

    def add(self, markup: Markup) -> None:
        """Take in what was drawn, and choose it."""
        with self._changing(type(markup).__name__.lower()):
            self.chosen = self._all.add(markup).id

    def change(self, id_: int, markup: Markup) -> None:
        """Another place or size of one."""
        with self._changing(f"change {self._all[id_].name}"):
            self._all.replace(id_, markup)

    def rename(self, id_: int, name: str) -> None:
        entry = self.find(id_)
        if entry is not None and name and name != entry.name:
            with self._changing(f"rename {entry.name}"):
                self._all.replace(id_, name=name)

    def choose(self, id_: int | None) -> None:
        """Choose one, or none."""
        if id_ != self.chosen:
            self.chosen = id_
            self.changed.emit()

    def remove_chosen(self) -> None:
        entry = self.find(self.chosen)
        if entry is not None:
            with self._changing(f"remove {entry.name}"):
                self._all.remove(entry.id)
                self.chosen = None

    def clear(self) -> None:
        """Remove all; undo brings them back."""
        if len(self._all):
            with self._changing("remove all measurements"):
                self._all, self.chosen = Markups(), None

    def have_back(self, markups: Markups) -> None:
        """Have those of a step back, as the history asks."""
        self._all, self.chosen = markups.copy(), None

    def tell_back(self) -> None:
        """Keep those that have come back, and tell of them."""
        self._tell()

    def replace_all(self, markups: Markups) -> None:
        """Take others in their place, as a step."""
        if [*markups] != [*self._all]:
            with self._changing("take other measurements"):
                self._all, self.chosen = markups.copy(), None

    def set_shown(self, shown: bool) -> None:
        if shown != self.shown:
            self.shown = shown
            self.changed.emit()

    @contextmanager
    def _changing(self, name: str) -> Iterator[None]:
        """Make what happens inside a step of the history, and tell of it."""
        before = self._all.copy()
        yield
        change = Change(MEASUREMENTS, before, self._all.copy())
        self.session.store.history.record(name, (change,))
        self._tell()

    def _tell(self) -> None:
        self._keep()
        self.changed.emit()

    # ---- with the scan's file --------------------------------------------------------------

    def _on_volume_changed(self) -> None:
        self._all, self.chosen = Markups(), None
        self._words.clear()
        volume, key = self.session.volume, self._key()
        if volume is not None and key is not None:
            self._all = self._kept(volume, key)
        self.changed.emit()

    def _key(self) -> str | None:
        """The key that the settings keep them under: the file's path and its header."""
        volume, path = self.session.volume, self.session.path
        if volume is None or path is None:
            return None
        known = os.fsencode(resolved(path)) + (volume.source.header if volume.source else b"")
        return f"markups/{sha256(known).hexdigest()[:24]}"

    def _kept(self, volume: Volume, key: str) -> Markups:
        text = stored_text(self.settings, key, _LONGEST)
        try:
            return Markups.from_dict(json.loads(text or "{}"), volume)
        except (MarkupError, ValueError, RecursionError):
            return Markups()

    def _keep(self) -> None:
        volume, key = self.session.volume, self._key()
        if volume is None or key is None:
            return
        self.settings.remove(key)
        if len(self._all):
            self.settings.setValue(key, json.dumps(self._all.to_dict(volume)))
        known = stored_texts(self.settings, "markups_order")
        order = [k for k in known if k != key and _KEY.fullmatch(k)]
        for old in order[: max(0, len(order) + 1 - _KEPT)]:
            self.settings.remove(old)
        self.settings.setValue("markups_order", [*order[1 - _KEPT :], key])


class StepsOfMarkups:
    """The markups as the history sees them."""

    def __init__(self, markups: ScanMarkups) -> None:
        self.name = MEASUREMENTS
        self.shared: list[Any] = []
        self._markups = markups

    def restore(self, value: Any) -> None:
        """Have markups back."""
        self._markups.have_back(value)

    def tell_back(self) -> None:
        """Tell that they have come back."""
        self._markups.tell_back()

    def to_json(self, value: Any) -> Any:
        """Markups, on the open scan."""
        assert self._markups.session.volume is not None
        return value.to_dict(self._markups.session.volume)

    def from_json(self, item: Any, shared: Sequence[Any]) -> Markups:
        """Markups, on the open scan; raises MarkupError where they are no such."""
        assert self._markups.session.volume is not None
        return Markups.from_dict(item, self._markups.session.volume)

    def shared_to_json(self) -> list[Any]:
        """Nothing: markups share nothing."""
        return []

    def shared_from_json(self, items: list[Any]) -> list[Any]:
        """Nothing: markups share nothing."""
        return []
