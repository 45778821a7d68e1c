"""Entries of a JSON file that nobody vouches for: each is checked as it is taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liverview.core.checks import check_number
from liverview.core.errors import LiverviewError
from liverview.core.text import quoted

LONGEST_TEXT = 4096


class EntryError(LiverviewError):
    """An entry that is missing or cannot be; the message names it and quotes its value."""


class CheckedEntries:
    """The entries of a JSON object; whatever is none of what is asked for is an `EntryError`.

    Parameters
    ----------
    content : what the JSON has there.
    place : the name of the object, with those that it lies in, for messages.
    """

    def __init__(self, content: Any, place: str = "") -> None:
        if not isinstance(content, Mapping):
            raise EntryError(f"{place or 'the content'} must be an object, got {quoted(content)}")
        self._content, self._place = content, place

    def has(self, key: str) -> bool:
        """False where JSON has null."""
        return self._value(key) is not None

    def knows(self, key: str) -> bool:
        """False for an entry that an older version did not write."""
        return key in self._content

    def text(self, key: str, longest: int = LONGEST_TEXT) -> str:
        """A text of at most so many characters."""
        value = self._value(key)
        if not isinstance(value, str) or len(value) > longest:
            raise self._error(key, f"a text of up to {longest} characters", value)
        return value

    def optional_text(self, key: str, longest: int = LONGEST_TEXT) -> str | None:
        """The same, or None where JSON has null."""
        return self.text(key, longest) if self.has(key) else None

    def flag(self, key: str) -> bool:
        value = self._value(key)
        if not isinstance(value, bool):
            raise self._error(key, "true or false", value)
        return value

    def number(self, key: str, low: float, high: float) -> float:
        return float(self._checked(key, self._value(key), low, high, whole=False))

    def whole(self, key: str, low: int, high: int) -> int:
        return int(self._checked(key, self._value(key), low, high, whole=True))

    def numbers(self, key: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """Exactly so many numbers."""
        values = self._listed(key, count)
        return tuple(float(self._checked(key, v, low, high, whole=False)) for v in values)

    def rows(self, key: str, shape: tuple[int, int], most: float) -> tuple[tuple[float, ...], ...]:
        """A matrix of numbers from -most to most, row by row."""
        rows = self._listed(key, shape[0], f"a list of {shape[0]} rows")
        parts = CheckedEntries({str(n): row for n, row in enumerate(rows)}, self._name(key))
        return tuple(parts.numbers(str(n), shape[1], -most, most) for n in range(shape[0]))

    def wholes(self, key: str, count: int, low: int, high: int) -> tuple[int, ...]:
        """Exactly so many whole numbers."""
        values = self._listed(key, count)
        return tuple(int(self._checked(key, v, low, high, whole=True)) for v in values)

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        """Texts, at most so many."""
        values = self._value(key)
        good = isinstance(values, list) and len(values) <= most
        if not good or not all(isinstance(v, str) and len(v) <= LONGEST_TEXT for v in values):
            raise self._error(key, f"a list of up to {most} texts", values)
        return tuple(values)

    def entries(self, key: str) -> CheckedEntries:
        """The object under a key."""
        return CheckedEntries(self._value(key), self._name(key))

    def optional_entries(self, key: str) -> CheckedEntries | None:
        """The same, or None where JSON has null."""
        return self.entries(key) if self.has(key) else None

    def named_entries(self, key: str, most: int) -> dict[str, CheckedEntries]:
        """The objects of an object, at most so many, by their keys."""
        value = self._value(key)
        if not isinstance(value, Mapping) or len(value) > most:
            raise self._error(key, f"an object of up to {most} entries", value)
        return {
            name: CheckedEntries(one, f"{self._name(key)}.{name}") for name, one in value.items()
        }

    def objects(self, key: str, most: int) -> list[dict[str, Any]]:
        """A list of objects as JSON has them, at most so many, for who checks them later."""
        values = self._value(key)
        good = isinstance(values, list) and len(values) <= most
        if not good or not all(isinstance(value, dict) for value in values):
            raise self._error(key, f"a list of up to {most} objects", values)
        return list(values)

    def _listed(self, key: str, count: int, wanted: str = "") -> list[Any]:
        values = self._value(key)
        if not isinstance(values, list) or len(values) != count:
            raise self._error(key, wanted or f"a list of {count} numbers", values)
        return values

    def _checked(self, key: str, value: Any, low: float, high: float, *, whole: bool) -> float:
        try:
            return check_number(self._name(key), value, low, high, whole=whole)
        except ValueError as error:
            raise EntryError(error) from error

    def _value(self, key: str) -> Any:
        if key not in self._content:
            raise EntryError(f"{self._name(key)} is missing")
        return self._content[key]

    def _name(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def _error(self, key: str, wanted: str, value: Any) -> EntryError:
        return EntryError(f"{self._name(key)} must be {wanted}, got {quoted(value)}")
