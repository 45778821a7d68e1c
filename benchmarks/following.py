"""Time until everything follows an edit: views, findings, surfaces, comparison."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from measuring import Row, median, p95, seconds_of
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication
from waiting import Paints, Pulse, Window

from liverview.core.box import Box
from liverview.core.labels import Label
from liverview.core.stream import Slab, drain
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.files import images
from liverview.ui.jobs import following
from liverview.ui.live.surfaces import Surfaces

SIZE = 512
RADIUS = 20  # voxels of 1 mm
LESIONS = 30
EDITS = 12
SETTLED = 3  # of them, after which distances are waited for, too
STROKE = 60
MOST_MS, SOON_MS = 16.0, 300.0


def ball(radius: int) -> NDArray[np.bool_]:
    away: NDArray[np.int64] = (np.indices((2 * radius + 1,) * 3) - radius) ** 2
    inside: NDArray[np.bool_] = away.sum(axis=0) <= radius**2
    return inside


def liver_with_lesions(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A liver of 2.7 L with vessels and lesions of 6 to 40 mm, in a cube of 1 mm voxels."""
    labels = np.zeros((SIZE,) * 3, np.uint8, order="F")
    labels[100:400, 120:390, 110:290] = Label.LIVER
    for place in range(130, 380, 40):
        labels[place : place + 6, 130:380, 200:206] = Label.VESSEL
        labels[150:380, place : place + 5, 150:155] = Label.VESSEL
    for _ in range(LESIONS):
        radius = int(rng.integers(3, 21))
        corner = [
            int(rng.integers(low, high)) for low, high in ((102, 350), (122, 340), (112, 240))
        ]
        where = tuple(slice(c, c + 2 * radius + 1) for c in corner)
        labels[where][ball(radius)] = Label.TUMOR
    return labels


def window_with_everything(rng: np.random.Generator) -> tuple[Window, Surfaces]:
    """A window with a cube of noise, its labels, a reference, and all that follows switched on."""
    noise = rng.normal(40, 60, SIZE**3).astype(np.int16).reshape((SIZE,) * 3, order="F")
    path = Path(mkdtemp()) / "noise.nii"
    for _ in images.iter_write_volume(path, Volume(noise, np.eye(4))):
        pass
    window = Window(path)
    session, labels = window.session, liver_with_lesions(rng)
    session.store.begin_segmentation()
    session.store.merge_slab(Slab(0, labels))
    session.store.end_segmentation(complete=True)
    assert session.volume is not None
    session.set_reference(LabelMap(np.roll(labels, 2, axis=1), session.volume.affine))
    surfaces = Surfaces(session, window.window.controller.start_background, window.window)
    surfaces.set_wanted(True)
    window.window.panels.compare.comparison.set_wanted(True)
    window.window.panels.findings.set_wanted(True)
    wait(lambda: session.slices.has_label_copy and followed(window, surfaces))
    return window, surfaces


def followed(window: Window, surfaces: Surfaces) -> bool:
    panels = window.window.panels
    return all(one.is_current for one in (panels.findings, panels.compare.comparison, surfaces))


def turn() -> None:
    """Let the window do what there is to do, or wait for a millisecond."""
    QCoreApplication.processEvents()
    time.sleep(0.001)


def wait(reached: Callable[[], bool]) -> float:
    """Seconds until something is so, with the window at work."""
    started = time.perf_counter()
    while not reached():
        turn()
        assert time.perf_counter() - started < 300, "never came"
    return time.perf_counter() - started


def follow_rows() -> list[Row]:
    rng = np.random.default_rng(0)
    window, surfaces = window_with_everything(rng)
    session, panels = window.session, window.window.panels
    views = Paints([window.window.views.by_plane[plane].viewport() for plane in Plane])
    mask = ball(RADIUS)

    def paint(place: list[int]) -> None:
        box = Box.from_bounds(place, np.add(place, 2 * RADIUS + 1))
        with session.store.edit(box, "brush, tumor") as voxels:
            erases = bool((voxels[mask] == Label.TUMOR).all())
            voxels[mask] = Label.LIVER if erases else Label.TUMOR

    def place() -> list[int]:
        return [int(rng.integers(low, high)) for low, high in ((110, 340), (130, 330), (120, 230))]

    times: dict[str, list[float]] = {name: [] for name in ("edit", "f", "s", "c", "d", "copy")}
    pulse = Pulse()
    for n in range(EDITS):
        version = session.store.version
        lent = [session.store.snapshot() for _ in range(3)]
        times["edit"].append(seconds_of(lambda: paint(place())))
        assert session.store.version != version
        del lent
        compared = panels.compare.comparison
        since = {"f": panels.findings, "s": surfaces}
        began, left = time.perf_counter(), {"f", "s", "c"}
        left |= {"d"} if n < SETTLED else set()
        known = compared._followed
        while left:
            turn()
            now = time.perf_counter() - began
            done = {name for name in left & set(since) if since[name].is_current}
            done |= {"c"} & left if compared._followed is not known else set()
            done |= {"d"} & left if compared.is_current else set()
            for name in done:
                times[name].append(now)
            left -= done
    pause = pulse.stop()
    assert session.labels is not None
    whole = session.labels.voxels
    times["copy"] = [seconds_of(lambda: whole.copy(order="K")) for _ in range(EDITS)]
    stroke, step = stroke_times(window, views, paint)
    full = full_times(window)
    window.close()
    return [
        Row(
            f"edit of {2 * RADIUS} mm on {SIZE} cubed, lent to three jobs, on the GUI thread",
            {"liverview": times["edit"], "a copy of the label map, as before": times["copy"]},
        ),
        Row(
            f"brush stroke, ball of {RADIUS} mm radius, until three views are painted",
            {"liverview, everything that follows on": stroke, "crosshair step": step},
            f"p95 under {MOST_MS:.0f} ms, within 1.5x",
            p95(stroke) * 1000 < MOST_MS and median(stroke) <= 1.5 * median(step),
            notes=[f"{median(stroke) / median(step):.2f}x the step"],
        ),
        *(
            Row(
                f"{name} after an edit, {LESIONS} lesions, {SIZE} cubed",
                {"liverview, until they are current": times[key], "all anew, alone": full[key]},
                f"median under {most:.0f} ms" if most else "",
                median(times[key]) * 1000 < most if most else None,
            )
            for name, key, most in (
                ("findings", "f", SOON_MS),
                ("surfaces", "s", None),
                ("volumes and Dice of the comparison", "c", SOON_MS),
                ("distances of the comparison, a second after the last edit", "d", None),
            )
        ),
        Row(
            "the same edits: longest time that the window did not answer",
            {"liverview": [pause]},
        ),
    ]


def stroke_times(
    window: Window, views: Paints, paint: Callable[[list[int]], None]
) -> tuple[list[float], list[float]]:
    """Seconds from an edit at the crosshair, and from a step of it, until it is painted."""
    session = window.session
    strokes, steps = [], []
    for n in range(STROKE):
        at = 180 + n
        steps.append(views.wait(lambda at=at: session.set_crosshair((at, at, 180))))
        strokes.append(views.wait(lambda at=at: paint([at - RADIUS, at - RADIUS, 180 - RADIUS])))
    return strokes[5:], steps[5:]


def full_times(window: Window) -> dict[str, list[float]]:
    """Seconds of each look at everything, with nothing beside it."""
    session = window.session
    volume, reference = session.volume, session.reference
    assert volume is not None
    assert reference is not None
    window.window.panels.findings.set_wanted(False)
    work: dict[str, Callable[[], Iterator[object]]] = {
        "f": lambda: following.iter_measure(session.store.snapshot(), volume),
        "s": lambda: following.iter_surfaces(session.store.snapshot()),
        "d": lambda: following.iter_compare(session.store.snapshot(), reference),
    }
    found = {name: [seconds_of(lambda make=make: drain(make()))] for name, make in work.items()}
    return {**found, "c": found["d"]}
