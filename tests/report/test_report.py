"""The report's page, pictures and figures."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liverview import DISCLAIMER, __version__
from liverview.core import paths
from liverview.core.labels import Label, default_styles
from liverview.core.review import Verdict
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.measurement.compute import measure
from liverview.measurement.markup.listing import Markups
from liverview.measurement.markup.shapes import Ellipse, Ruler
from liverview.phantoms.config import Phantom
from liverview.report.assembly import WrittenReport, iter_write_report
from liverview.report.contents import Figure
from liverview.report.key_images import iter_key_images
from liverview.report.provenance import Provenance

from support.marks import mark_at, without

VOID = {"meta", "img", "br", "hr", "link", "input"}
UNITS = ("_ml", "_mm", "_mm2", "_hu", "_percent", "_voxel_ras", "_index_ras", "_count", "_voxels")
WITHOUT = {
    "name", "notes", "lesions", "number", "statements", "recist_1_1", "target_lesion_numbers",
    "candidate_lesion_numbers", "confirmed", "statement", "partial", "ruled_out_lesions",
    "excluded_lesions", "reason", "caveats", "software", "scan_file", "labels_file", "date",
    "device", "weights_sha256", "markups", "id", "kind", "plane", "disclaimer",
    "coarse.safetensors", "fine.safetensors", "lesions.safetensors", "edited_by_hand",
    "liver", "vessel", "tumor", "certainty", "accepted", "least_certainty",
}  # fmt: skip
WITHOUT_A_CELL = ("voxel_ml", "smallest_lesion_ml", "left_out_ml", "ruled_out_ml")


class Page(HTMLParser):
    """Reads a page and fails at whatever is not balanced or comes from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.images: list[dict[str, str]] = []
        self.style = ""
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        assert not {"href", "srcset", "action", "data"} & set(given)
        assert not any(name.startswith("on") for name in given)
        if tag == "img":
            assert None not in given.values()
            self.images.append({name: str(value) for name, value in given.items()})
        else:
            assert "src" not in given
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.style += data
        else:
            self.texts.append(data)


def no_pdf(path: Path, contents: object) -> None:
    """The PDF is tested where Qt is."""


def made(folder: Path, volume: Volume, labels: LabelMap, **options: object) -> WrittenReport:
    origin = options.pop("origin", Provenance("scan.nii.gz", "labels.nii.gz"))
    *_, reported = iter_write_report(volume, labels, folder, origin, no_pdf, **options)  # type: ignore[arg-type]
    assert isinstance(reported, WrittenReport)
    return reported


def page_of(reported: WrittenReport) -> Page:
    return Page(reported.paths.html.read_text(encoding="utf-8"))


def json_of(reported: WrittenReport) -> dict[str, object]:
    def refuse(name: str) -> None:
        raise ValueError(name)

    text = reported.paths.json.read_text(encoding="utf-8")
    return dict(json.loads(text, parse_constant=refuse))


@pytest.fixture
def volume() -> Volume:
    hu = np.random.default_rng(0).normal(60, 12, (60, 60, 20)).astype(np.int16)
    return Volume(hu, np.diag([1.0, 0.8, 2.5, 1]), name="scan")


@pytest.fixture
def labels(volume: Volume) -> LabelMap:
    """A liver with two lesions of 20 and 10 voxels along i."""
    voxels = np.zeros(volume.shape, np.uint8)
    voxels[5:55, 5:55, 2:18] = Label.LIVER
    voxels[10:30, 10:20, 5:9] = voxels[40:50, 40:45, 12:15] = Label.TUMOR
    voxels[12:16, 30:50, 4:16] = Label.VESSEL
    return LabelMap(voxels, volume.affine)


@pytest.fixture
def markups() -> Markups:
    drawn = Markups()
    drawn.add(Ruler(Plane.AXIAL, (5, 5, 3), (35, 45, 3)))
    drawn.add(Ellipse(Plane.SAGITTAL, 20, (20, 8), (4, 2)))
    return drawn


# ---- the page ------------------------------------------------------------------------------


def test_the_page_is_sound_and_needs_nothing_else(tmp_path: Path, case: Phantom) -> None:
    page = page_of(made(tmp_path, case.volume, case.labels))
    assert page.tags.count("html") == page.tags.count("body") == page.tags.count("h1") == 1
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert "url(" not in page.style
    assert "@import" not in page.style
    assert len(page.images) >= 4
    for image in page.images:
        head, data = image["src"].split(",")
        assert head == "data:image/jpeg;base64"
        picture = Image.open(io.BytesIO(b64decode(data, validate=True)))
        picture.load()
        assert (str(picture.width), str(picture.height)) == (image["width"], image["height"])
        assert image["alt"] in page.texts


def test_every_figure_of_the_json_is_on_the_page(
    tmp_path: Path, volume: Volume, labels: LabelMap, markups: Markups
) -> None:
    reported = made(tmp_path, volume, labels, markups=markups)
    content, cells = json_of(reported), page_of(reported).texts
    assert content["lesion_count"] == len(content["lesions"]) == 2
    for key, value in content.items():
        if key.endswith("_ml") and key not in WITHOUT_A_CELL:
            assert f"{value:,.2f}" in cells, key
        if key.endswith("_voxel_count"):
            assert f"{value:,}" in cells, key
    text = "\n".join(cells)
    assert f"{content['tumor_burden_percent']:.2f} %" in text
    assert f"{content['voxel_ml']:.4g} mL" in text
    assert f"{content['smallest_lesion_ml']} mL" in text
    for lesion in content["lesions"]:
        shown = [
            str(lesion["number"]),
            f"{lesion['volume_ml']:.3f}",
            *(f"{lesion[f'{name}_mm']:.1f}" for name in
              ("axial_diameter", "perpendicular_diameter", "diameter_3d")),
            f"{lesion['mean_hu']:.1f}",
            f"{lesion['sd_hu']:.1f}",
            ", ".join(f"{x:.1f}" for x in lesion["centroid_mm"]),
            str(lesion["axial_slice_index_ras"]),
        ]  # fmt: skip
        assert "\n".join(shown) in text
    recist = content["recist_1_1"]
    assert f"sum of longest diameters {recist['sum_of_diameters_mm']:.1f} mm" in text
    assert recist["statement"] in text
    assert "arget lesions 1" not in text
    assert "Target lesion" not in text
    for sentence in (*content["statements"], *recist["caveats"]):
        assert sentence in text
    ruler, ellipse = content["markups"]
    assert f"{ruler['length_mm']:.2f}" in cells
    assert {f"{ellipse[k]:,.2f}" for k in ("area_mm2", "mean_hu", "sd_hu")} <= set(cells)


def test_it_says_what_it_was_made_from_and_with(
    tmp_path: Path, volume: Volume, labels: LabelMap
) -> None:
    reported = made(tmp_path, volume, labels)
    page, content = page_of(reported), json_of(reported)
    digests = {
        name: hashlib.sha256((paths.weights() / name).read_bytes()).hexdigest()
        for name in ("coarse.safetensors", "fine.safetensors", "lesions.safetensors")
    }
    assert content["weights_sha256"] == digests
    assert all(f"{name} {digest[:12]}" in page.text for name, digest in digests.items())
    assert (content["scan_file"], content["labels_file"]) == ("scan.nii.gz", "labels.nii.gz")
    assert content["disclaimer"] == DISCLAIMER
    assert {DISCLAIMER, f"liverview {__version__}", "60 × 60 × 20", "scan.nii.gz"} <= set(
        page.texts
    )
    assert "1 × 0.8 × 2.5 mm (x, y, z)" in page.texts
    assert str(content["date"])[:10] in page.text
    # Who made the labels of a file is not known, and the weights' heading does not claim it.
    assert content["device"] is None
    assert "Installed weights, SHA-256" in page.texts
    own = made(tmp_path, volume, labels, origin=Provenance("scan.nii.gz", device="cuda:1"))
    assert {"Weights, SHA-256", "cuda:1"} <= set(page_of(own).texts)


def test_names_are_text_whatever_is_in_them(
    tmp_path: Path, volume: Volume, labels: LabelMap, markups: Markups
) -> None:
    odd = "<b>Ü & \"肝\" 'x'</b><script>"
    markups.add(Ruler(Plane.CORONAL, (1, 2, 3), (9, 2, 3)), name=f"ruler {odd}")
    scan = Volume(volume.voxels, volume.affine, name="scan", warnings=(f"note {odd}",))
    mark = mark_at(labels, (12, 12, 6), Verdict.NO_TARGET, f"reason {odd}")
    said = replace(labels, marks=(mark,))
    origin = Provenance(f"scan {odd}", f"labels {odd}")
    page = page_of(made(tmp_path, scan, said, origin=origin, markups=markups))
    for what in ("scan", "labels", "note", "ruler", "no target: reason"):
        assert f"{what} {odd}" in page.texts
    assert not {"b", "script"} & set(page.tags)


# ---- the other files -----------------------------------------------------------------------


def keys(content: object) -> set[str]:
    if isinstance(content, dict):
        return set(content) | {key for value in content.values() for key in keys(value)}
    if isinstance(content, list):
        return {key for value in content for key in keys(value)}
    return set()


def test_json_and_csv_have_units_and_hold_the_same(
    tmp_path: Path, volume: Volume, labels: LabelMap, markups: Markups
) -> None:
    reported = made(tmp_path, volume, labels, markups=markups)
    content = json_of(reported)
    assert {key for key in keys(content) if not key.endswith(UNITS)} <= WITHOUT
    with reported.paths.lesions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [float(row["volume_ml"]) for row in rows] == [
        lesion["volume_ml"] for lesion in content["lesions"]
    ]
    with reported.paths.measurement.open(encoding="utf-8", newline="") as file:
        (whole,) = csv.DictReader(file, strict=True)
    assert float(whole["tumor_ml"]) == content["tumor_ml"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "scan_report.html", "scan_measurement.json", "scan_lesions.csv", "scan_measurement.csv",
    }  # fmt: skip


def test_an_excluded_lesion_is_no_target_and_says_why(
    tmp_path: Path, volume: Volume, labels: LabelMap
) -> None:
    said = replace(labels, marks=(mark_at(labels, (12, 12, 6), Verdict.NO_TARGET, "treated"),))
    reported = made(tmp_path, volume, said)
    page, content = page_of(reported), json_of(reported)
    assert "no target: treated" in page.texts
    assert content["recist_1_1"]["excluded_lesions"] == [{"number": 1, "reason": "treated"}]
    assert content["recist_1_1"]["candidate_lesion_numbers"] == [2]
    assert content["recist_1_1"]["target_lesion_numbers"] == []
    captions = [image["alt"] for image in page.images]
    assert [text for text in captions if text.startswith("Lesion")] == [captions[-1]]
    assert captions[-1].startswith("Lesion 2 in axial slice")
    assert "stay in the volumes" in page.text


def test_without_lesions(tmp_path: Path, volume: Volume, labels: LabelMap) -> None:
    voxels = np.where(labels.voxels == Label.TUMOR, Label.LIVER, labels.voxels).astype(np.uint8)
    reported = made(tmp_path, volume, LabelMap(voxels, volume.affine))
    page = page_of(reported)
    assert "There are no lesions." in page.texts
    assert len(page.images) == 3
    assert json_of(reported)["lesions"] == []
    assert reported.paths.lesions.read_text(encoding="utf-8").count("\n") == 1


def test_without_a_liver(tmp_path: Path, volume: Volume) -> None:
    reported = made(tmp_path, volume, LabelMap(np.zeros(volume.shape, np.uint8), volume.affine))
    page = page_of(reported)
    assert "There is no liver in the labels." in page.texts
    assert page.images == []
    assert json_of(reported)["tumor_burden_percent"] is None


def test_values_that_are_no_hu_are_not_called_so(
    tmp_path: Path, volume: Volume, labels: LabelMap
) -> None:
    share = (volume.voxels / 120).astype(np.float32)
    reported = made(tmp_path, Volume(share, volume.affine, name="scan", in_hu=False), labels)
    page = page_of(reported)
    assert "no HU" in page.text
    assert json_of(reported)["lesions"][0]["mean_hu"] is None
    assert "Window width" in page.text
    assert " HU, level" not in page.text


def test_labels_of_another_scan_are_refused_and_nothing_is_written(
    tmp_path: Path, volume: Volume
) -> None:
    other = LabelMap(np.ones((9, 9, 9), np.uint8), np.eye(4), name="other")
    with pytest.raises(ValueError, match=r"scan and other do not lie on the same voxels"):
        made(tmp_path, volume, other)
    assert list(tmp_path.iterdir()) == []


# ---- the pictures --------------------------------------------------------------------------


def drawn(volume: Volume, labels: LabelMap) -> list[tuple[np.ndarray, Figure]]:
    """The pictures as arrays, (rows, columns, 3)."""
    found = measure(labels, volume)
    work = iter_key_images(volume, labels, found, found.lesions, default_styles())
    while True:
        try:
            next(work)
        except StopIteration as end:
            return [
                (np.asarray(Image.open(io.BytesIO(figure.jpeg))).astype(int), figure)
                for figure in end.value.figures
            ]


def where(pixels: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, right, top and bottom of what has about a color."""
    rows, columns = np.nonzero(np.abs(pixels - color).max(axis=2) < 40)
    return int(columns.min()), int(columns.max()), int(rows.min()), int(rows.max())


def test_slices_lie_as_in_the_viewer() -> None:
    hu = np.full((60, 50, 20), -1000, np.int16)
    volume = Volume(hu, np.diag([1.0, 1.6, 3.0, 1]))
    voxels = np.zeros(hu.shape, np.uint8)
    voxels[10:50, 10:40, 3:17] = Label.LIVER
    # The largest slices are those of a vessel, which is right, anterior, superior.
    voxels[8:52, 32:38, 12:15] = voxels[40:48, 8:42, 12:15] = Label.LIVER
    voxels[40:48, 32:38, 2:18] = Label.LIVER
    voxels[40:48, 32:38, 12:15] = Label.VESSEL
    axial, coronal, sagittal = (
        where(pixels, _mixed(Label.VESSEL))
        for pixels, _ in drawn(volume, LabelMap(voxels, volume.affine))
    )
    for left, right, top, bottom in (axial, coronal, sagittal):
        assert right < 960 / 2
        assert bottom < 768 / 2
        assert left < right
        assert top < bottom
    # 8 x 9.6 mm, 8 x 9 mm, 9.6 x 9 mm, in square pixels.
    for (left, right, top, bottom), ratio in (
        (axial, 8 / 9.6), (coronal, 8 / 9), (sagittal, 9.6 / 9)
    ):  # fmt: skip
        assert (right - left + 1) / (bottom - top + 1) == pytest.approx(ratio, rel=0.06)


def _mixed(label: Label) -> tuple[int, int, int]:
    """The color of a filled label on air."""
    red, green, blue = (round(0.6 * part) for part in default_styles()[label].color)
    return red, green, blue


def test_the_slices_are_those_where_the_liver_is_largest() -> None:
    volume = Volume(np.zeros((30, 40, 20), np.int16), np.diag([2.0, 2, 3, 1]))
    voxels = np.zeros(volume.shape, np.uint8)
    voxels[10:20, 10:30, 5:10] = Label.LIVER
    voxels[5:25, 10:30, 7] = voxels[12, 5:35, 5:10] = voxels[10:20, 21, 2:15] = Label.LIVER
    captions = [figure.caption for _, figure in drawn(volume, LabelMap(voxels, volume.affine))]
    assert [caption.split(",")[0] for caption in captions] == [
        "Axial slice 7 (0 to 19)", "Coronal slice 21 (0 to 39)", "Sagittal slice 12 (0 to 29)",
    ]  # fmt: skip


def test_a_lesion_has_both_diameters_drawn(volume: Volume, labels: LabelMap) -> None:
    pictures = drawn(volume, labels)
    lesion = measure(labels, volume).lesions[0]
    pixels, figure = pictures[3]
    assert figure.caption == (
        f"Lesion 1 in axial slice {lesion.axial_slice} (0 to 19): longest diameter "
        f"{lesion.longest_mm:.1f} mm, perpendicular {lesion.perpendicular.length_mm:.1f} mm."
    )
    # The picture is 80 mm high around the middle of the longest diameter.
    per_mm = 768 / 80
    middle = np.mean(lesion.axial.ends_mm, axis=0)
    for diameter in (lesion.axial, lesion.perpendicular):
        ends = [
            (480 - (x - middle[0]) * per_mm, 384 - (y - middle[1]) * per_mm)
            for x, y, _ in diameter.ends_mm
        ]
        for share in np.linspace(0.05, 0.95, 19):
            x, y = np.multiply(ends[0], 1 - share) + np.multiply(ends[1], share)
            near = pixels[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2]
            assert near.max() > 200  # white, where tissue of 60 HU is at 140


def test_what_is_ruled_out_is_listed_with_its_reason_and_counted_nowhere(
    tmp_path: Path, volume: Volume, labels: LabelMap
) -> None:
    before = json_of(made(tmp_path, volume, labels))
    reported = made(tmp_path, volume, without(labels, (12, 12, 6), "cyst"))
    page, content = page_of(reported), json_of(reported)
    assert {"Ruled out", "cyst"} <= set(page.texts)
    gone = before["lesions"][0]
    assert content["tumor_ml"] == pytest.approx(before["tumor_ml"] - gone["volume_ml"], abs=0.02)
    assert content["lesions"] == [{**before["lesions"][1], "number": 1}]
    assert content["ruled_out_lesions"] == [
        {"reason": "cyst", **{k: v for k, v in gone.items() if k not in ("number", "accepted")}}
    ]
    assert content["liver_with_vessels_and_tumors_ml"] == before["liver_with_vessels_and_tumors_ml"]


def test_a_report_of_partial_labels_says_so_before_anything_else(
    tmp_path: Path, volume: Volume, labels: LabelMap
) -> None:
    reported = made(tmp_path, volume, replace(labels, partial=True))
    page, content = page_of(reported), json_of(reported)
    assert "Liver report: scan, partial" in page.texts
    assert page.text.index("PARTIAL.") < page.text.index("Matrix")
    assert (content["partial"], content["recist_1_1"]["sum_of_diameters_mm"]) == (True, None)
    assert "Nothing is proposed" in page.text
    whole = page_of(made(tmp_path, volume, labels))
    assert "partial" not in whole.text.lower()


def test_targets_are_called_so_once_they_are_confirmed(
    tmp_path: Path, volume: Volume, labels: LabelMap
) -> None:
    said = replace(labels, marks=(mark_at(labels, (12, 12, 6), Verdict.TARGET),))
    reported = made(tmp_path, volume, said)
    page, content = page_of(reported), json_of(reported)
    assert "RECIST 1.1: target lesions" in page.texts
    assert "target" in page.texts
    assert content["recist_1_1"]["target_lesion_numbers"] == [1]
    assert content["recist_1_1"]["confirmed"] is True
