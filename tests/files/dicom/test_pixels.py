"""Pixels of every transfer syntax and bit layout, against what was encoded."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.pixels.hu_pixels import read_slice_hu, read_stored
from liverview.files.dicom.places.sources import FileSource
from liverview.files.opening import ImageFileError

from support.dicom_series import ct_slice

ROWS, COLUMNS = np.indices((16, 24))
SMOOTH = (1024 + 100 * np.sin(ROWS / 3) + 40 * np.cos(COLUMNS / 2)).astype(np.int32) - 1024
"""HU."""
# SMOOTH + 1024 of 16 unsigned bits, by OpenJPH 0.26.3 (reversible).
HTJ2K = base64.b64decode(
    "/0//UQApQAAAAAAYAAAAEAAAAAAAAAAAAAAAGAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB"
    "/1wAEyCIkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAATEAAf+TwAAmq/cFB3QA"
    "wAASgP0AB3QAwAASwAASgM8Ah3QAcf4yMwDAABVQAAVsAAEgt5of0NYAgH+VAJ4Lnh48F/4AIQN+tgAB55QAwAAWxAAB"
    "bMAAFSBSlqLMPI6OI+UpSGk+hgzzJ0EhCyiyuADYaEYbbTTC5qzTyiqrrLP+BBwY4AIkFrkAIAAC0xttNXcAwAAu+gAB"
    "d3AAC0jw/0sCUPuUQggMtHlsQFqfMQgxQJ8ntkCseSiGIKDNExsQ/scg5GAzjqIvL+dyiK5fzpUWVylKyJKWYnN4AYJA"
    "EARBEARBEISyIBMwrBBkGFYxDMMwDMMw5lgcx3Ecx3EcxwASXXEl1yV2cAAa7le8r1efELELFrcBIQBQtkAAO07got97"
    "zb7L5E4A/9k="
)


def slice_file(folder: Path, hu: np.ndarray = SMOOTH, **options: Any) -> Path:
    path = folder / "plain.dcm"
    ct_slice(hu, (0, 0, 0), **options).save_as(path, enforce_file_format=True)
    return path


def stored_in(path: Path) -> np.ndarray:
    return read_stored(header_of(FileSource(path)))


def hu_in(path: Path) -> np.ndarray:
    return read_slice_hu(header_of(FileSource(path)))


def encode_by_gdcm(path: Path, syntax: str) -> Path:
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    target = path.with_name("encoded.dcm")
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target


def encode_by_dcmtk(path: Path, program: str, *options: str) -> Path:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    target = path.with_name("encoded.dcm")
    subprocess.run([program, *options, path, target], check=True, capture_output=True)
    return target


LAYOUTS = [(False, 12), (False, 16), (True, 12), (True, 16)]


def layout(folder: Path, signed: bool, bits: int) -> Path:
    intercept = 0 if signed else -1024
    return slice_file(folder, signed=signed, intercept=intercept, BitsStored=bits, HighBit=bits - 1)


@pytest.mark.parametrize(("signed", "bits"), LAYOUTS)
@pytest.mark.parametrize(
    "syntax",
    [
        "JPEGLosslessProcess14",
        "JPEGLosslessProcess14_1",
        "JPEGLSLossless",
        "JPEG2000Lossless",
        "RLELossless",
    ],
)
def test_lossless_pixels_of_gdcm_come_back(
    tmp_path: Path, syntax: str, signed: bool, bits: int
) -> None:
    encoded = encode_by_gdcm(layout(tmp_path, signed, bits), syntax)
    assert dcmread(encoded).file_meta.TransferSyntaxUID.is_compressed
    np.testing.assert_array_equal(hu_in(encoded), SMOOTH)


@pytest.mark.parametrize(("signed", "bits"), LAYOUTS)
@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_lossless_pixels_of_pydicom_come_back(
    tmp_path: Path, syntax: Any, signed: bool, bits: int
) -> None:
    path = layout(tmp_path, signed, bits)
    data = dcmread(path)
    data.compress(syntax)
    data.save_as(path)
    np.testing.assert_array_equal(hu_in(path), SMOOTH)


@pytest.mark.parametrize("option", ["+e1", "+el"])
def test_jpeg_lossless_of_dcmtk_comes_back(tmp_path: Path, option: str) -> None:
    encoded = encode_by_dcmtk(layout(tmp_path, False, 12), "dcmcjpeg", option)
    np.testing.assert_array_equal(hu_in(encoded), SMOOTH)


def test_jpeg_of_twelve_bits_with_loss_is_as_dcmtk_decodes_it(tmp_path: Path) -> None:
    encoded = encode_by_dcmtk(layout(tmp_path, False, 12), "dcmcjpeg", "+ee")
    decoded = tmp_path / "decoded.dcm"
    subprocess.run(["dcmdjpeg", encoded, decoded], check=True, capture_output=True)
    reference = dcmread(decoded).pixel_array
    np.testing.assert_array_equal(stored_in(encoded), reference)
    assert 0 < np.abs(hu_in(encoded) - SMOOTH).max() < 200


def test_jpeg_baseline_of_eight_bits_is_as_dcmtk_decodes_it(tmp_path: Path) -> None:
    encoded = encode_by_dcmtk(layout(tmp_path, False, 12), "dcmcjpeg", "+eb")
    decoded = tmp_path / "decoded.dcm"
    subprocess.run(["dcmdjpeg", encoded, decoded], check=True, capture_output=True)
    reference = dcmread(decoded).pixel_array
    assert np.abs(stored_in(encoded).astype(int) - reference).max() <= 1  # of two DCTs
    assert reference.dtype == np.uint8


def test_near_lossless_pixels_are_as_near_as_they_say(tmp_path: Path) -> None:
    encoded = encode_by_dcmtk(layout(tmp_path, False, 12), "dcmcjpls", "+en", "+md", "2")
    apart = np.abs(hu_in(encoded) - SMOOTH)
    assert 0 < apart.max() <= 2


@pytest.mark.parametrize("number", ["201", "202", "203"])
def test_htj2k_comes_back(tmp_path: Path, number: str) -> None:
    path = slice_file(tmp_path)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.4.{number}"
    data.PixelData = encapsulate([HTJ2K])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    np.testing.assert_array_equal(hu_in(path), SMOOTH)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian],
)
def test_other_encodings_of_plain_pixels(tmp_path: Path, syntax: Any) -> None:
    path = slice_file(tmp_path)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = syntax
    little = syntax != ExplicitVRBigEndian
    if not little:
        data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
    dcmwrite(
        path,
        data,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=little,
        force_encoding=True,
    )
    np.testing.assert_array_equal(hu_in(path), SMOOTH)


def test_signed_numbers_and_what_the_bits_above_hold(tmp_path: Path) -> None:
    path = layout(tmp_path, True, 12)
    data = dcmread(path)
    stored = np.frombuffer(data.PixelData, "<i2") & 0x0FFF
    overlay = np.where(np.arange(len(stored)) % 3 == 0, 0x8000, 0x1000)
    data.PixelData = (stored | overlay).astype("<u2").tobytes()
    data.save_as(path)
    np.testing.assert_array_equal(hu_in(path), SMOOTH)


@pytest.mark.parametrize("signed", [False, True])
def test_eight_bits(tmp_path: Path, signed: bool) -> None:
    values = (ROWS * 5 + COLUMNS - (60 if signed else 0)).astype(np.int16)
    path = slice_file(tmp_path, values, signed=signed, intercept=0)
    data = dcmread(path)
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.RescaleIntercept = 7, -50
    data.PixelData = values.astype(np.uint8).tobytes()
    data["PixelData"].VR = "OB"
    data.save_as(path)
    np.testing.assert_array_equal(hu_in(path), values - 50)


def test_monochrome_1_is_rescaled_as_any_other(tmp_path: Path) -> None:
    """It says that low values are shown bright: no value is another one for it."""
    path = slice_file(tmp_path, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(hu_in(path), SMOOTH)


def test_padding_is_air_with_its_range(tmp_path: Path) -> None:
    hu = SMOOTH.copy()
    hu[:3], hu[3:5] = -2000, -1990
    path = slice_file(tmp_path, hu, signed=True, intercept=0)
    data = dcmread(path)
    data.add_new(0x00280120, "SS", -2000)
    data.add_new(0x00280121, "SS", -1985)
    data.save_as(path)
    expected = SMOOTH.copy()
    expected[:5] = -1024
    np.testing.assert_array_equal(hu_in(path), expected)


def test_padding_of_a_value_that_tissue_has_is_air_at_the_edge_alone(tmp_path: Path) -> None:
    hu = np.full((16, 24), 40)
    hu[:2], hu[8, 8] = 0, 0
    path = slice_file(tmp_path, hu, signed=True, intercept=0)
    data = dcmread(path)
    data.add_new(0x00280120, "SS", 0)
    data.save_as(path)
    found = hu_in(path)
    assert (found[:2] == -1024).all()
    assert found[8, 8] == 0
    assert (np.delete(found[2:].ravel(), 6 * 24 + 8) == 40).all()


def test_pixels_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    path = slice_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ImageFileError, match=r"cut off: it has 668 of the 768 bytes"):
        hu_in(path)
    data = dcmread(slice_file(tmp_path))
    data.PixelData = data.PixelData[:-100]
    data.save_as(path)
    with pytest.raises(ImageFileError, match="668 bytes of pixels where its header promises 768"):
        hu_in(path)
    del data.PixelData
    data.save_as(path)
    with pytest.raises(ImageFileError, match="has no pixels"):
        hu_in(path)


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
def test_compressed_pixels_that_are_damaged_are_one_sentence(tmp_path: Path, syntax: str) -> None:
    path = encode_by_gdcm(slice_file(tmp_path), syntax)
    data = dcmread(path)
    data.PixelData = encapsulate([b"\1\0\0\0" * 20])
    data.save_as(path)
    with pytest.raises(ImageFileError, match=r"that cannot be decoded: copy or export it again\.$"):
        hu_in(path)


def test_color_and_unknown_syntaxes_are_refused_by_name(tmp_path: Path) -> None:
    path = slice_file(tmp_path)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    data.PixelData = encapsulate([b"video"])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    with pytest.raises(ImageFileError, match=r"transfer syntax 1\.2\.840\.10008\.1\.2\.4\.100"):
        hu_in(path)
    path = slice_file(tmp_path, SamplesPerPixel=3, PhotometricInterpretation="RGB")
    with pytest.raises(ImageFileError, match="is a color image"):
        hu_in(path)
