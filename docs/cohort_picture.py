"""The picture of a cohort's page, for `take_pictures`: phantoms, all synthetic.

The page is drawn by Chromium or Chrome without a window.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

import liverview as lv
from liverview.cohort.liver_figures import liver_figures
from liverview.cohort.page.writing import write_cohort_page
from liverview.cohort.work import Attempt
from liverview.files.opening import ImageFileError
from liverview.measurement.export import measurement_record

_COUNT = 16
_CUT, _BAD = 5, 11  # the numbers of the phantom whose liver is cut, and of a file that is
_SIZE = 1300, 1500
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def take_cohort() -> Image.Image:
    """Segment phantoms, one of them cut and one a damaged file, and draw the top of their page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = write_cohort_page(folder, [_attempt(folder, seed) for seed in range(_COUNT)])
        return _draw(page, folder / "page.png")


def _attempt(folder: Path, seed: int) -> Attempt:
    phase = ("portal", "native")[seed % 2]
    scan = lv.phantom(
        seed=seed, shape=(96, 84, 40), spacing=(4, 4, 5), lesions=seed % 5, phase=phase
    ).volume
    if seed == _CUT:
        scan = lv.Volume.from_array(np.ascontiguousarray(scan.voxels[:, :, :22]), scan.affine)
    path, output = folder / f"phantom_{seed:02}.nii.gz", folder / f"phantom_{seed:02}_seg.nii.gz"
    lv.write_volume(path, scan)
    if seed == _BAD:
        path.write_bytes(path.read_bytes()[:9000])
    begun = Attempt(
        f"phantom_{seed:02}", str(path), "segment", 1, "begun", "", device="cpu",
        made_with={"software": f"liverview {lv.__version__}"}, columns={"phase": phase},
    )  # fmt: skip
    try:
        scan = lv.read(path)
    except ImageFileError as error:
        sentence = str(error).replace(f"{folder}/", "")
        return replace(begun, outcome="failed", error=sentence, error_kind=type(error).__name__)
    labels = lv.segment(scan)
    lv.write_labels(output, labels, scan)
    figures = measurement_record(scan, lv.measure(labels, scan)) | liver_figures(scan, labels)
    return replace(begun, outcome="done", figures=figures, written=(str(output),))


def _draw(page: Path, picture: Path) -> Image.Image:
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("The cohort's picture needs a browser: install chromium.")
    subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--window-size={_SIZE[0]},{_SIZE[1]}", f"--screenshot={picture}", page.as_uri(),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    with Image.open(picture) as image:
        return image.convert("RGB")
