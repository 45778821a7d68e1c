"""The page of a cohort: figures, outliers with pictures, failures; nothing is fetched."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import liverview as lv
from liverview.cohort.page.charts import histogram, histogram_svg
from liverview.cohort.page.cohort_state import cohort_state
from liverview.cohort.page.outliers import far_scores, find_outliers
from liverview.cohort.page.quantities import Scale, distributions
from liverview.cohort.page.writing import write_cohort_page
from liverview.cohort.results_written import scan_name
from liverview.cohort.work import Attempt
from liverview.core.labels import default_styles
from liverview.core.text import printable

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Tags, their attributes and the text of a page; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def figures(ml: float, tumor_ml: float = 0.0, **more: Any) -> dict[str, Any]:
    return {
        "liver_with_vessels_and_tumors_ml": ml,
        "vessel_ml": ml / 25,
        "tumor_ml": tumor_ml,
        "tumor_burden_percent": 100 * tumor_ml / ml if ml else None,
        "lesion_count": 0,
        "lesions": [],
        "shape_voxels": [64, 64, 30],
        "spacing_mm": [5.0, 5.0, 5.0],
        "notes": [],
        **more,
    }


def attempt(item: str, outcome: Any = "done", **more: Any) -> Attempt:
    values: dict[str, Any] = {
        "path": f"/scans/{item}.nii.gz",
        "kind": "segment",
        "number": 1,
        "began": "2026-01-01T10:00:00.000+00:00",
        "ended": "2026-01-01T12:00:00.000+00:00",
        "host": "one",
        "process": 1,
        "device": "cpu",
        "seconds": 4.0 if outcome == "done" else None,
        "made_with": {"software": "liverview 1", "coarse sha256": "aa"},
    }
    return Attempt(item=item, outcome=outcome, **{**values, **more})


def cohort(count: int, seed: int = 0) -> list[Attempt]:
    ml = np.exp(np.random.default_rng(seed).normal(7.3, 0.15, count))
    return [attempt(f"scan_{n:05}", figures=figures(float(v))) for n, v in enumerate(ml)]


def page_of(folder: Path, attempts: list[Attempt], planned: int | None = None) -> Page:
    return Page(write_cohort_page(folder, attempts, planned).read_text(encoding="utf-8"))


def test_the_page_says_what_was_done_failed_lost_and_left(tmp_path: Path) -> None:
    attempts = [
        *cohort(5),
        attempt("bad", "failed", error="bad.nii.gz is cut off.", error_kind="ImageFileError"),
        attempt("gone", "begun", ended=""),
        attempt("dead", "failed", error="It ended.", error_kind="lost"),
    ]
    page = page_of(tmp_path, attempts, planned=20)
    for words in ("5done", "1failed", "2lost", "12not tried yet", "bad.nii.gz is cut off."):
        assert words in page.text
    assert "Research use only" in page.text
    assert "--retry failed" in page.text


def test_the_newest_attempt_at_an_item_counts_and_knows_what_an_older_one_wrote() -> None:
    old = attempt("a", figures=figures(1000), written=("a_seg.nii.gz",), input_sha256="x")
    failed = replace(old, number=2, outcome="failed", written=())
    new = replace(old, number=3, written=(), seconds=None)
    state = cohort_state([new, old, failed])
    assert [one.number for one in state.done] == [3]
    assert state.done[0].written == ("a_seg.nii.gz",)
    assert cohort_state([old, failed]).done == ()
    other_input = replace(new, input_sha256="y")
    assert cohort_state([old, other_input]).done[0].written == ()


def test_figures_are_those_of_numpy(tmp_path: Path) -> None:
    attempts = cohort(31)
    ml = [one.figures["liver_with_vessels_and_tumors_ml"] for one in attempts]
    low, median, high = np.percentile(ml, [25, 50, 75])
    page = page_of(tmp_path, attempts)
    assert f"31 scans, median {median:,.1f} mL, quartiles {low:,.1f} to {high:,.1f}" in page.text


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e6])
def test_every_value_is_in_a_bin_or_counted_beside_them(scale: float) -> None:
    values = scale * np.random.default_rng(1).standard_cauchy(500)
    bins = histogram(values)
    assert int(bins.counts.sum()) + bins.below + bins.above == 500
    assert bins.below + bins.above > 0
    assert 5 <= len(bins.counts) <= 40
    assert np.allclose(np.diff(bins.edges), np.diff(bins.edges)[0])
    for few in ([3.0], [2.5, 2.5 + 1e-12], [0.0, 0.0, 1e-9], [1e9, 1e9 + 1], [-1e12, 1e12]):
        assert int(histogram(np.array(few)).counts.sum()) == len(few)


def test_numbers_below_a_chart_are_those_of_their_ticks() -> None:
    svg = histogram_svg(np.linspace(0.0, 15.0, 100), "title", 1)
    ticks = re.findall('x="([0-9.]+)" y="145" text-anchor="[a-z]+">([0-9.,]+)<', svg)
    places = [float(x) for x, _ in ticks]
    numbers = [float(text) for _, text in ticks]
    assert numbers == [0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0]
    assert np.allclose(np.diff(places), np.diff(places)[0], atol=0.15)


def test_far_values_have_the_scores_of_iglewicz_and_hoaglin() -> None:
    values = np.array([10.0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 60, np.nan])
    scores = far_scores(values, Scale.LINEAR)
    known = values[:-1]
    median = sorted(known)[6]
    mad = sorted(abs(known - median))[6]
    assert scores[12] == pytest.approx(0.6745 * (60 - median) / mad)
    assert np.isnan(scores[13])
    assert np.isnan(far_scores(values[:5], Scale.LINEAR)).all()
    assert np.isnan(far_scores(np.zeros(50), Scale.LOGARITHM)).all()


def test_what_is_odd_is_found_and_the_rest_is_not() -> None:
    normal = cohort(200)
    odd = {
        "none": figures(0.0),
        "small": figures(250.0),
        "large": figures(4700.0),
        "cut": figures(1500.0, liver_on_last_slice=True),
        "full": figures(1500.0, tumor_ml=600.0),
        "dark": figures(1500.0, liver_mean_hu=-5.0),
        "said": figures(1500.0, notes=["It holds 2 volumes; the first one was read."]),
    }
    attempts = normal + [attempt(name, figures=some) for name, some in odd.items()]
    found = find_outliers(attempts, distributions(attempts))
    assert {one.attempt.item for one in found} == set(odd)
    assert next(one.attempt.item for one in found) == "none"
    why = {one.attempt.item: one.reasons[0].text for one in found}
    assert "250.0 mL" in why["small"]
    assert "last axial slice" in why["cut"]
    assert "40.0 %" in why["full"]


def test_a_sentence_that_most_scans_have_makes_none_of_them_odd() -> None:
    attempts = [
        replace(one, notes=(f"Slices {n} to {n + 3} are missing.",))
        for n, one in enumerate(cohort(40))
    ]
    assert find_outliers(attempts, distributions(attempts)) == []


def test_the_head_says_how_many_to_look_at_and_hashes_by_their_beginning(tmp_path: Path) -> None:
    sha256 = "0123456789ab" + "c" * 52
    cut = attempt("cut", figures=figures(1500.0, liver_on_last_slice=True))
    attempts = [attempt("a", made_with={"fine sha256": sha256}), cut]
    page = page_of(tmp_path, attempts)
    assert "1of them to look at" in page.text
    assert "0123456789ab..." in page.text
    assert sha256 not in page.text


def test_pages_and_tables_have_the_names_of_the_persons_table() -> None:
    assert scan_name(attempt("Lyon-01_seg")) == "Lyon-01"
    assert scan_name(attempt("Lyon-01_seg", kind="measure")) == "Lyon-01_seg"


def test_scores_of_evaluations_are_shown_and_a_low_dice_is_odd(tmp_path: Path) -> None:
    def scores(dice: float) -> dict[str, Any]:
        return {
            "liver": {"dice": dice, "hd95_mm": "inf" if dice < 0.5 else 3.0},
            "tumor": {"dice": None},
        }

    attempts = [
        attempt(f"case_{n}", kind="evaluate", figures=scores(0.95 + n / 1000)) for n in range(20)
    ]
    attempts.append(attempt("wrong", kind="evaluate", figures=scores(0.4)))
    page = page_of(tmp_path, attempts)
    assert "Liver Dice" in page.text
    assert "Tumor Dice" not in page.text
    assert "Liver Dice 0.400 is below 0.9" in page.text
    assert "20 scans, all 3.0 mm" in page.text  # an infinite distance has no place


def test_several_versions_are_said(tmp_path: Path) -> None:
    attempts = cohort(4)
    assert "different sets" not in page_of(tmp_path, attempts).text
    attempts[0] = replace(attempts[0], made_with={"software": "liverview 1", "coarse sha256": "bb"})
    assert (
        "2 different sets of software, weights or options (coarse sha256 differ)"
        in page_of(tmp_path, attempts).text
    )


def test_columns_of_few_values_make_groups(tmp_path: Path) -> None:
    attempts = [
        replace(one, columns={"site": "AB"[n % 2], "id": str(n)})
        for n, one in enumerate(cohort(20))
    ]
    ml = [one.figures["liver_with_vessels_and_tumors_ml"] for one in attempts]
    page = page_of(tmp_path, attempts)
    assert "By site" in page.text
    assert "By id" not in page.text
    assert f"A {np.median(ml[::2]):,.1f} mL, B {np.median(ml[1::2]):,.1f} mL" in page.text


def test_no_name_breaks_the_page_and_nothing_is_fetched_or_run(tmp_path: Path) -> None:
    evil = ['<script>alert("x")</script>', "a\"b'c&amp;<img src=http://x>", "tab\tline\nend"]
    evil.append(printable("M\udcfcller"))
    attempts = [
        attempt(
            name, figures=figures(0.0, notes=[name]), notes=(name,),
            columns={name: name, "site": evil[n % 2]}, device=name,
            made_with={name: name}, host=name, path=name, written=(name, "\0"),
        )
        for n, name in enumerate(evil)
    ]  # fmt: skip
    attempts.append(attempt("f<b>", "failed", error=evil[0], error_kind=evil[1]))
    attempts.append(replace(attempts[0], item="\udcff lone"))
    page = page_of(tmp_path, attempts)
    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "ul", "li", "b"),
        *("dl", "dt", "dd", "div", "table", "thead", "tbody", "tr", "th", "td", "nav", "a", "code"),
        *("section", "svg", "rect", "line", "text", "figure", "figcaption", "span", "details"),
        "summary",
    }
    assert evil[0] in page.text
    assert "M\\xfcller" in page.text
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
    assert all((link["href"] or "").startswith("#") for link in page.of("a"))
    policy = [meta for meta in page.of("meta") if meta.get("http-equiv")]
    assert policy[0]["content"] == ("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan and its label map: a block of liver with a block of tumor."""
    folder = tmp_path_factory.mktemp("blocks")
    hu = np.full((60, 50, 12), -1000, np.int16)
    hu[5:55, 5:45] = 60
    voxels = np.zeros(hu.shape, np.uint8)
    voxels[10:40, 10:40, 2:10] = lv.Label.LIVER
    voxels[15:25, 15:25, 7] = lv.Label.TUMOR
    scan = lv.Volume.from_array(hu, spacing=(2, 2, 5), name="scan")
    lv.write_volume(folder / "scan.nii.gz", scan)
    lv.write_labels(folder / "scan_seg.nii.gz", lv.LabelMap.from_array(voxels, scan.affine), scan)
    return folder


def odd_block(folder: Path, **more: Any) -> Attempt:
    return attempt(
        "scan",
        path=str(folder / "scan.nii.gz"),
        written=(str(folder / "scan_seg.nii.gz"),),
        figures=figures(1500.0, tumor_ml=600.0),
        **more,
    )


def decoded(page: Page) -> list[np.ndarray[Any, Any]]:
    sources = [image["src"] or "" for image in page.of("img")]
    data = [base64.b64decode(source.removeprefix("data:image/jpeg;base64,")) for source in sources]
    return [np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), np.int16) for one in data]


def test_a_picture_shows_the_slice_with_most_tumor_and_outlines(
    tmp_path: Path, blocks: Path
) -> None:
    page = page_of(tmp_path, [odd_block(blocks)])
    (pixels,) = decoded(page)
    assert "Axial slice 7 (0 to 11), with most tumor" in page.text
    color = np.array(default_styles()[lv.Label.TUMOR].color)
    yellow = np.argwhere(np.abs(pixels - color).sum(axis=2) < 120)
    # The tumor lies in voxels 15..24 of 60 and 50; the patient's right is on the left, so that
    # RAS+ indices run from right to left on the picture, and anterior is up.
    per_voxel = pixels.shape[1] / 60
    rows, columns = yellow[:, 0] / per_voxel, yellow[:, 1] / per_voxel
    assert columns.min() == pytest.approx(60 - 25, abs=0.6)
    assert columns.max() == pytest.approx(60 - 15, abs=0.6)
    assert rows.min() == pytest.approx(50 - 25, abs=0.6)
    assert rows.max() == pytest.approx(50 - 15, abs=0.6)


def test_results_that_moved_are_found_in_their_folder(tmp_path: Path, blocks: Path) -> None:
    (tmp_path / "scan_seg.nii.gz").write_bytes((blocks / "scan_seg.nii.gz").read_bytes())
    moved = replace(odd_block(blocks), written=("/elsewhere/scan_seg.nii.gz",))
    assert len(decoded(page_of(tmp_path, [moved]))) == 1


@pytest.mark.parametrize("damaged", ["scan.nii.gz", "scan_seg.nii.gz"])
def test_a_damaged_file_gives_no_picture_and_its_reason(
    tmp_path: Path, blocks: Path, damaged: str
) -> None:
    for name in ("scan.nii.gz", "scan_seg.nii.gz"):
        data = (blocks / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2] if name == damaged else data)
    page = page_of(tmp_path, [odd_block(tmp_path)])
    assert page.of("img") == []
    assert "No picture: " in page.text
    assert damaged in page.text


def test_scan_and_labels_that_do_not_belong_together_give_no_picture(
    tmp_path: Path, blocks: Path
) -> None:
    other = lv.LabelMap.from_array(np.ones((9, 9, 9), np.uint8), spacing=(2, 2, 5))
    lv.write_labels(tmp_path / "scan_seg.nii.gz", other)
    one = replace(odd_block(blocks), written=(str(tmp_path / "scan_seg.nii.gz"),))
    page = page_of(tmp_path, [one])
    assert page.of("img") == []
    assert "No picture: " in page.text


def test_ten_thousand_scans_are_a_page_of_bounded_size(tmp_path: Path, blocks: Path) -> None:
    base = odd_block(blocks)
    normal = cohort(7000)
    odd = [replace(base, item=f"odd_{n:04}", path="gone", written=()) for n in range(1000)]
    odd[:50] = [replace(base, item=f"a_{n:04}") for n in range(50)]
    failed = [
        attempt(f"bad_{n:04}", "failed", error=f"bad_{n:04}.nii.gz is cut off.", error_kind="E")
        for n in range(2000)
    ]
    path = write_cohort_page(tmp_path, [*normal, *odd, *failed])
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.of("img")) == 40
    assert path.stat().st_size < 4_000_000
    assert "9,000 more scans are left out." in page.text
    outliers = int(re.search(r"Outliers \(([0-9,]+)\)", page.text)[1].replace(",", ""))
    assert outliers >= 1000
    assert f"{outliers - 40:,} more are without a picture." in page.text
    assert f"{outliers - 240:,} more are left out." in page.text
    assert "1,700 more" in page.text
    assert len(re.findall("bad_\\d{4}: ", page.text)) == 300


def test_a_cohort_where_nothing_was_done_has_a_page(tmp_path: Path) -> None:
    assert "None" in page_of(tmp_path, []).text
    page = page_of(tmp_path, [attempt("x", "failed", error="Bad.", error_kind="")])
    assert "Bad." in page.text
    assert "Distributions" not in page.text


def test_a_table_beside_the_page_is_linked(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text("item\n", encoding="utf-8")
    assert {"href": "cohort.csv"} in page_of(tmp_path, cohort(2)).of("a")
