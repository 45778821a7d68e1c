"""The data set of a deflated file as if it were stored inflated, as much of it as is asked for."""

from __future__ import annotations

import zlib

from liverview.files.dicom.places.sources import DicomSource
from liverview.files.opening import ImageFileError

_AT_ONCE = 1 << 16  # bytes
_MOST_INFLATED = 1 << 26  # bytes of a header


class InflatedSource(DicomSource):
    """A file whose data set is deflated from a place on, as if it were stored inflated."""

    def __init__(self, source: DicomSource, start: int) -> None:
        self.name, self.path = source.name, source.path
        self._source, self._start, self._at = source, start, start
        self._inflated = bytearray()
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, start: int = 0, size: int = -1) -> bytes:
        begin = start - self._start
        self._inflate(begin + size)
        return bytes(self._inflated[begin : begin + size])

    def _inflate(self, wanted: int) -> None:
        """Have so many bytes of the data set, or all of it."""
        if wanted > _MOST_INFLATED:
            raise ImageFileError(
                f"{self.name} is damaged: its deflated header has more than "
                f"{_MOST_INFLATED >> 20} MB; export it again."
            )
        while len(self._inflated) < wanted and not self._inflater.eof:
            data = self._inflater.unconsumed_tail
            if not data:
                data = self._source.read(self._at, _AT_ONCE)
                self._at += len(data)
            try:
                more = self._inflater.decompress(data, wanted - len(self._inflated))
            except zlib.error as error:
                raise ImageFileError(
                    f"{self.name} is damaged: its deflated data cannot be inflated; copy or export "
                    "it again."
                ) from error
            if not data and not more:
                return
            self._inflated += more
