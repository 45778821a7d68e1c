"""Weights whose header says what cannot be: one sentence that names the file."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from liverview.networks.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

from support import tiny_networks


@pytest.fixture
def content(tmp_path: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the tensors of a good checkpoint."""
    save_checkpoint(tmp_path / "good.safetensors", tiny_networks.fine())
    whole = (tmp_path / "good.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", whole[:8])
    return json.loads(whole[8 : 8 + size]), whole[8 + size :]


def sentence_of(path: Path, header: Any, tensors: bytes) -> str:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + tensors)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert len(sentence) < 500 + len(str(path))
    return sentence


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("classes", '[["background"], ["liver"], ["vessel"], ["tumor"]]'),
        ("classes", '[{}, "liver", "vessel", "tumor"]'),
        ("classes", "7"),
        ("classes", "[" * 5000),
        ("classes", json.dumps(["x" * 200_000])),
        ("network", "null"),
        ("network", '{"dims": 2.0, "in_channels": 6, "classes": 4}'),
        ("network", '{"dims": 1e400, "in_channels": 6, "classes": 4}'),
        ("network", '{"dims": 2, "in_channels": ' + "9" * 400 + ', "classes": 4}'),
        ("preprocessing", "[]"),
        ("preprocessing", '{"spacing_mm": [' + "9" * 400 + ', 1, 1], "windows": []}'),
        ("preprocessing", '{"spacing_mm": [NaN, 1, 1], "windows": [{"level": 1, "width": 1}]}'),
        ("preprocessing", '{"spacing_mm": [1e-9, 1, 1], "windows": [{"level": 1, "width": 1}]}'),
        ("preprocessing", '{"spacing_mm": [1, 1, 1], "windows": [{"level": "x", "width": 1}]}'),
        ("preprocessing", '{"spacing_mm": [1, 1, 1], "windows": [], "slices": 1.0}'),
        ("card", '"text"'),
        ("card", "9" * 5000),
    ],
)
def test_metadata_that_cannot_be(
    tmp_path: Path, content: tuple[dict[str, Any], bytes], entry: str, value: str
) -> None:
    header, tensors = content
    header["__metadata__"][entry] = value
    said = sentence_of(tmp_path / "bad.safetensors", header, tensors)
    assert "damaged liverview checkpoint" in said


@pytest.mark.parametrize(
    "metadata", [None, [], "text", {"format": 7}, {"format": ["a"]}, {"format": "x" * 200_000}]
)
def test_metadata_of_any_type(
    tmp_path: Path, content: tuple[dict[str, Any], bytes], metadata: object
) -> None:
    header, tensors = content
    header["__metadata__"] = metadata
    sentence_of(tmp_path / "bad.safetensors", header, tensors)


@pytest.mark.parametrize("head", [b"", b"[]", b"null", b"[" * 5000, b'{"a": 1}', b"\xff" * 40])
def test_headers_of_any_kind(tmp_path: Path, head: bytes) -> None:
    sentence_of(tmp_path / "bad.safetensors", head, b"")


def test_an_entry_that_is_missing_is_named(
    tmp_path: Path, content: tuple[dict[str, Any], bytes]
) -> None:
    header, tensors = content
    del header["__metadata__"]["classes"]
    assert "'classes' is missing" in sentence_of(tmp_path / "bad.safetensors", header, tensors)
