"""Gzip with isal and, where it has no wheel, with zlib."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from liverview.files import gzipped
from liverview.files.gzipped import GzipError, GzipReader, open_writer

CONTENT = bytes(range(256)) * 5000


def exhaust(reader: GzipReader) -> None:
    reader.read(len(CONTENT))
    list(reader.iter_finish())


@pytest.fixture(params=["isal", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "zlib":
        monkeypatch.setattr(gzipped, "igzip", None)
        monkeypatch.setattr(gzipped, "isal_zlib", None)
    else:
        pytest.importorskip("isal")
    return str(request.param)


def test_what_is_written_is_read(library: str, tmp_path: Path) -> None:
    with open_writer(tmp_path / "a.gz") as file:
        file.write(CONTENT)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == CONTENT
    with (tmp_path / "a.gz").open("rb") as file:
        reader = GzipReader(file)
        assert reader.compressed
        assert reader.read(100) == CONTENT[:100]
        assert reader.read(len(CONTENT)) == CONTENT[100:]
        list(reader.iter_finish())


@pytest.mark.parametrize("keep", [5, 12, -9, -1])
def test_a_cut_file_is_an_error(library: str, keep: int) -> None:
    reader = GzipReader(io.BytesIO(gzip.compress(CONTENT)[:keep]))
    with pytest.raises(GzipError):
        exhaust(reader)


def test_a_wrong_checksum_is_an_error(library: str) -> None:
    data = bytearray(gzip.compress(CONTENT))
    data[-6] ^= 1
    reader = GzipReader(io.BytesIO(bytes(data)))
    with pytest.raises(GzipError):
        exhaust(reader)


def test_zeros_after_the_end_are_padding(library: str) -> None:
    reader = GzipReader(io.BytesIO(gzip.compress(CONTENT) + bytes(512)))
    assert reader.read(len(CONTENT)) == CONTENT
    list(reader.iter_finish())
    assert reader.trailing == 0


def test_a_plain_file_is_read_as_it_is() -> None:
    reader = GzipReader(io.BytesIO(CONTENT))
    assert not reader.compressed
    assert reader.read(len(CONTENT) + 1) == CONTENT
