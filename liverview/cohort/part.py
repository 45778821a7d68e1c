"""A share of a cohort, the same on every machine: for SLURM arrays, indexed jobs and the like."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from liverview.core.errors import LiverviewError
from liverview.core.text import quoted


@dataclass(frozen=True)
class Part:
    """Part ``number`` of ``count``, from 1."""

    number: int
    count: int

    def has(self, name: str) -> bool:
        """True where an item of this name is in this part: by a hash of the name alone.

        Systems spell accented letters in one character or two; the share is the same.
        """
        plain = unicodedata.normalize("NFC", name)
        digest = hashlib.sha256(plain.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def parse_part(text: str) -> Part:
    """Read ``3/40``.

    Raises
    ------
    LiverviewError : where it is no such share.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    number, count = (int(value) for value in found.groups()) if found else (0, 0)
    if not 1 <= number <= count:
        raise LiverviewError(
            f"--part {quoted(text)} is no share of a whole: give it as 3/40, the third of forty."
        )
    return Part(number, count)
