"""Header extensions of strangers: kept to the byte, read where they are a label table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.nifti.caret_table import caret_names

Write = Callable[..., Path]
VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 4


def table(names: dict[str, str], encoding: str) -> str:
    rows = "".join(f'<Label Key="{key}">{name}</Label>' for key, name in names.items())
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><CaretExtension><VolumeInformation>'
        f"<LabelTable>{rows}</LabelTable></VolumeInformation></CaretExtension>"
    )


def undeclared(encoding: str) -> bytes:
    """A table of ASCII letters that claims to be in another encoding."""
    return table({"1": "liver"}, encoding).encode()


UNREADABLE = {
    "an encoding that nobody knows": undeclared("x-nobody"),
    "a codec that is no encoding": undeclared("base64"),
    "a codec that unpacks": undeclared("zip"),
    "a codec that runs long": undeclared("punycode"),
    "two bytes each, but for the content": undeclared("utf-16"),
    "four bytes each, but for the content": undeclared("utf-32"),
    "a key of thousands of digits": table({"1" * 5000: "liver"}, "UTF-8").encode(),
    "a key below 0": table({"-1": "liver"}, "UTF-8").encode(),
    "deeply nested": b"<CaretExtension>" + b"<a>" * 200_000,
    "entities": b'<!DOCTYPE a [<!ENTITY b "liver">]>' + undeclared("UTF-8").split(b"?>")[1],
    "bytes that are no UTF-8": undeclared("UTF-8").replace(b"liver", b"l\xff\xfever"),
    "no table, but XML": '<?xml version="1.0" encoding="EUC-JP"?><a>肝臓</a>'.encode("euc_jp"),
    "nothing but zeros": bytes(64),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("code", [0, 30])
def test_what_cannot_be_read_is_kept_to_the_byte(
    content: bytes, code: int, write: Write, tmp_path: Path
) -> None:
    scan = write(VALUES)
    image = nib.load(scan)
    image.header.extensions.append(nib.nifti1.Nifti1Extension(code, content))
    nib.save(image, scan)
    volume = images.read(scan)
    found = images.read_named_labels(scan)  # the same file as a label map
    assert found.names == {}
    assert found.suggested == {1: Label.LIVER, 2: Label.VESSEL, 3: Label.TUMOR}
    labels = LabelMap(volume.voxels.astype(np.uint8), volume.affine)
    path = tmp_path / "labels.nii.gz"
    images.write_labels(path, labels, volume)
    kept = [e for e in images.read(path).source.extensions if b"liverview" not in e[1]][2:]
    padded = content + bytes(-(len(content) + 8) % 16)
    assert kept == [(code, padded)]
    assert np.array_equal(images.read_labels(path).voxels, VALUES)


@pytest.mark.parametrize(
    "encoding",
    [
        "UTF-8", "utf-8-sig", "UTF-16", "utf-16-le", "utf-16-be", "utf-32-be", "Shift_JIS",
        "EUC-JP", "GB18030", "Big5", "ISO-2022-JP",
    ],
)  # fmt: skip
def test_a_table_is_read_in_the_encoding_that_it_is_in(encoding: str) -> None:
    names = {1: "肝", 2: "vessel"}
    text = table({str(key): name for key, name in names.items()}, encoding.removesuffix("-sig"))
    for padding in (b"", b"\0", b"\0" * 7):
        assert caret_names(text.encode(encoding) + padding) == names


def test_single_bytes() -> None:
    for encoding in ("ISO-8859-1", "windows-1252", "latin-1", "cp850"):
        text = table({"1": "Lebergefäße"}, encoding)
        assert caret_names(text.encode(encoding)) == {1: "Lebergefäße"}


def test_a_table_that_is_larger_than_any_names_nothing() -> None:
    many = {str(n): "x" for n in range(65_536)}
    assert len(caret_names(table(many, "UTF-8").encode())) == 65_536
    more = {str(n): "x" for n in range(250_000)}
    assert caret_names(table(more, "UTF-8").encode()) == {}
    wide = table({"1": "x" * (9 << 20)}, "UTF-8").encode()
    assert caret_names(wide) == {}
    assert caret_names(table({"1": "x" * 2000}, "UTF-8").encode()) == {1: "x" * 1000}
