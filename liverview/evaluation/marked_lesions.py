"""The network for a person's marks, measured by a simulated user on scans with a reference.

Every lesion of the reference is marked on its own, by a line or by clicks; beside it stand two
ways that know no network for marks: an ellipsoid from the two diameters, the image unseen, and
the tumor that is labeled today.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.labels import Label, label_mask
from liverview.core.stream import Message, Progress
from liverview.core.volume import LabelMap, Volume
from liverview.editing.marks import Marks, MarksError, Point, Proposal
from liverview.evaluation.metrics import Mask, dice, surface_agreement
from liverview.evaluation.scores import MIN_LESION_ML
from liverview.inference import simulated_user
from liverview.inference.interactive import ClickNetwork, propose
from liverview.measurement.diameters import longest_axial, longest_perpendicular

LINE_ERROR_MM = 2.0
"""The distance of both ends of a line from the reference's."""
QUIET_ML = 1.0
"""More proposed for a click on what is no lesion is too much."""
_QUIET_CLICKS, _QUIET_TRIES = 10, 50
_QUIET_DISTANCE_MM = 6.0
_SCRIBBLES = 3


class UserDraws:
    """Random numbers of the simulated user; the same seed gives the same marks."""

    def __init__(self, *seed: int) -> None:
        self._numbers = np.random.default_rng(seed)

    def normal(self, mean: float, sd: float) -> float:
        return float(self._numbers.normal(mean, sd))

    def uniform(self, low: float, high: float) -> float:
        return float(self._numbers.uniform(low, high))

    def integer(self, low: int, high: int) -> int:
        return int(self._numbers.integers(low, high))


@dataclass(frozen=True)
class LesionFigures:
    """Dice of one lesion of the reference, by every way that it was marked in.

    Attributes
    ----------
    ml, mm : its volume and its longest axial diameter.
    ruler : after a line with `LINE_ERROR_MM` at both ends; None where no lines were asked for.
    ellipsoid : of the two diameters, in the third direction as long as the shorter one.
    labeled : of the lesions labeled today that touch that ellipsoid, with its inner half.
    clicks : after 1, 2, ... clicks.
    """

    ml: float
    mm: float
    ruler: float | None
    ellipsoid: float
    labeled: float
    clicks: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class MarkedCase:
    """The figures of one patient.

    Attributes
    ----------
    name : of the folder.
    lesions : one per lesion of the reference.
    quiet, quiet_of : of so many clicks on normal liver and vessels, how many proposed at most
        `QUIET_ML`.
    liver_nsd_3mm : of the liver as it is labeled, and after 1, 2, ... scribbles.
    seconds : of every proposal.
    """

    name: str
    lesions: tuple[LesionFigures, ...]
    quiet: int = 0
    quiet_of: int = 0
    liver_nsd_3mm: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()


@dataclass(eq=False)
class SimulatedSession:
    """A scan, its labels, its reference, and the network that is asked."""

    volume: Volume
    labels: NDArray[np.uint8]
    reference: LabelMap
    network: ClickNetwork
    seconds: list[float] = field(default_factory=list)

    def propose(self, marks: Marks, previous: Proposal | None = None) -> Proposal | None:
        """The proposal for marks; None where they are refused, as outside the body."""
        started = time.monotonic()
        try:
            return propose(self.volume, self.labels, marks, self.network, previous)
        except MarksError:
            return None
        finally:
            self.seconds.append(time.monotonic() - started)

    def world(self, voxel: NDArray[Any]) -> Point:
        """World mm of a place in voxels."""
        x, y, z = self.volume.grid.voxel_to_world(voxel.tolist()).tolist()
        return x, y, z


def iter_mark_case(
    name: str,
    session: SimulatedSession,
    clicks: int = 0,
    rulers: bool = False,
    seed: int = 0,
) -> Iterator[Progress | Message | MarkedCase]:
    """Mark every lesion of a reference; yields progress, then the figures.

    With ``clicks``, also normal tissue, and the liver's largest errors.

    Parameters
    ----------
    clicks : in each lesion, at most; fewer are made where nothing is wrong any more.
    rulers : draw a line over each lesion.
    seed : of the misplaced ends of lines, and of clicks on normal tissue.
    """
    lesions = []
    parts = list(_iter_reference_lesions(session.reference))
    for number, (box, mask) in enumerate(parts, start=1):
        draw = UserDraws(seed, number)
        lesions.append(_measure_lesion(session, box, mask, clicks, draw if rulers else None))
        yield Progress(f"Marking lesions of {name}", 0.8 * number / len(parts))
    quiet, liver = [], []
    if clicks:
        quiet = _click_normal_tissue(session, UserDraws(seed))
        yield Progress(f"Marking normal tissue of {name}", 0.9)
        liver = yield from _iter_mend_liver(session, UserDraws(seed, 0, 1))
    yield MarkedCase(
        name, tuple(lesions), sum(quiet), len(quiet), tuple(liver), tuple(session.seconds)
    )


def _iter_reference_lesions(reference: LabelMap) -> Iterator[tuple[Box, Mask]]:
    """The reference's lesions, each in its box; specks are none."""
    parts, count = cc3d.connected_components(
        reference.voxels == Label.TUMOR, connectivity=26, return_N=True
    )
    if not count:
        return
    for number, slices in enumerate(cc3d.statistics(parts)["bounding_boxes"][1:], start=1):
        box = Box(*slices)
        mask = parts[box] == number
        if mask.sum() * reference.voxel_ml >= MIN_LESION_ML:
            yield box, mask


def _measure_lesion(
    session: SimulatedSession, box: Box, mask: Mask, clicks: int, draw: UserDraws | None
) -> LesionFigures:
    affine = session.volume.affine
    axial = longest_axial(mask, affine)
    short = longest_perpendicular(axial, affine) + box.start
    line = axial.ends + box.start
    mm = _length(session.volume, line)
    grown = box.expanded(int(np.ceil(mm / min(session.volume.spacing))), session.volume.shape)
    shape = ellipsoid(session.volume, grown, line, _length(session.volume, short))
    truth = _placed(mask, box, grown)
    return LesionFigures(
        ml=float(mask.sum()) * session.volume.voxel_ml,
        mm=mm,
        ruler=None if draw is None else _measure_line(session, line, box, mask, draw),
        ellipsoid=dice(shape, truth),
        labeled=dice(_joined(session, grown, line, shape, _length(session.volume, short)), truth),
        clicks=tuple(_iter_click(session, box, mask, clicks)),
    )


def _length(volume: Volume, line: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(volume.affine[:3, :3] @ (line[1] - line[0])))


def ellipsoid(
    volume: Volume, box: Box, line: NDArray[np.float64], across_mm: float, scale: float = 1.0
) -> Mask:
    """The ellipsoid around a line, ``across_mm`` wide in both other directions, in a box.

    Parameters
    ----------
    line : (2, 3) in voxels.
    scale : of all its diameters.
    """
    axes = np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")
    middle = line.mean(axis=0)
    away = np.stack(axes, axis=-1) - middle
    world = away @ volume.affine[:3, :3].T
    along = volume.affine[:3, :3] @ (line[1] - line[0])
    long_mm = float(np.linalg.norm(along))
    first = world @ (along / max(long_mm, 1e-6))
    second = (world**2).sum(axis=-1) - first**2
    radii = scale * max(long_mm, 1e-6) / 2, scale * max(across_mm, 1e-6) / 2
    return np.asarray((first / radii[0]) ** 2 + second / radii[1] ** 2 <= 1)


def _joined(
    session: SimulatedSession,
    box: Box,
    line: NDArray[np.float64],
    shape: Mask,
    across_mm: float,
) -> Mask:
    """The labeled lesions that touch an ellipsoid, and the inner half of it."""
    parts = cc3d.connected_components(session.labels[box] == Label.TUMOR, connectivity=26)
    touched = np.unique(parts[shape])
    core = ellipsoid(session.volume, box, line, across_mm, scale=0.5)
    return np.asarray(np.isin(parts, touched[touched > 0]) | core)


def _placed(mask: Mask, box: Box, target: Box) -> Mask:
    """A mask of one box in another one; what lies outside is cut."""
    out = np.zeros(target.shape, bool)
    low, high = np.maximum(box.start, target.start), np.minimum(box.stop, target.stop)
    if (low < high).all():
        into = Box.from_bounds((low - target.start).tolist(), (high - target.start).tolist())
        source = Box.from_bounds((low - box.start).tolist(), (high - box.start).tolist())
        out[into] = mask[source]
    return out


def _measure_line(
    session: SimulatedSession,
    line: NDArray[np.float64],
    box: Box,
    mask: Mask,
    draw: UserDraws,
) -> float:
    moved = simulated_user.misplaced_line(draw, line, session.volume.affine, LINE_ERROR_MM)
    ends = session.world(moved[0]), session.world(moved[1])
    return _dice_of(session.propose(Marks(Label.TUMOR, line=ends)), box, mask)


def _dice_of(proposal: Proposal | None, box: Box, mask: Mask) -> float:
    if proposal is None:
        return 0.0
    both = box.union(proposal.box)
    return dice(_placed(proposal.mask, proposal.box, both), _placed(mask, box, both))


def _iter_click(
    session: SimulatedSession, box: Box, mask: Mask, clicks: int
) -> Generator[float, None, None]:
    """Dice after each click: the first at the deepest point, then in the largest error."""
    if not clicks:
        return
    first = np.add(simulated_user.interior_point(mask, session.volume.spacing), box.start)
    marks = Marks(Label.TUMOR, positive=(session.world(first),))
    proposal = session.propose(marks)
    found = _dice_of(proposal, box, mask)
    yield found
    for _ in range(clicks - 1):
        if proposal is not None:
            both = box.union(proposal.box)
            click = simulated_user.next_click(
                _placed(proposal.mask, proposal.box, both),
                _placed(mask, box, both),
                session.volume.spacing,
            )
            if click is not None:
                at = session.world(np.add(click.voxel, both.start))
                marks = marks.adding(at, negative=click.negative)
                again = session.propose(marks, proposal)
                proposal = proposal if again is None else again
                found = _dice_of(proposal, box, mask)
        yield found


def _click_normal_tissue(session: SimulatedSession, draw: UserDraws) -> list[bool]:
    """Click on liver and vessels far from tumors; whether each click proposed hardly anything."""
    voxels = session.reference.voxels
    reach = [int(np.ceil(_QUIET_DISTANCE_MM / mm)) for mm in session.volume.spacing]
    quiet = []
    for label in (Label.LIVER, Label.VESSEL):
        candidates = np.argwhere(voxels == label)
        clicks = 0
        for _ in range(_QUIET_TRIES if len(candidates) else 0):
            at = candidates[draw.integer(0, len(candidates))]
            near = tuple(slice(max(0, v - r), v + r + 1) for v, r in zip(at, reach, strict=True))
            if clicks == _QUIET_CLICKS // 2:
                break
            if (voxels[near] == Label.TUMOR).any():
                continue
            clicks += 1
            proposal = session.propose(Marks(Label.TUMOR, positive=(session.world(at),)))
            ml = 0.0 if proposal is None else proposal.mask.sum() * session.volume.voxel_ml
            quiet.append(bool(ml <= QUIET_ML))
    return quiet


def _iter_mend_liver(
    session: SimulatedSession, draw: UserDraws
) -> Generator[Progress, None, list[float]]:
    """NSD at 3 mm of the liver, as labeled and after scribbles in the largest errors."""
    truth = label_mask(session.reference.voxels, Label.LIVER)
    if not truth.any():
        return []
    labels, figures = session.labels.copy(), []
    mended = SimulatedSession(
        session.volume, labels, session.reference, session.network, session.seconds
    )
    for number in range(_SCRIBBLES + 1):
        current = label_mask(labels, Label.LIVER)
        figures.append(_nsd_3mm(current, truth, session.volume))
        error = simulated_user.largest_error(current, truth) if number < _SCRIBBLES else None
        if error is None:
            continue
        points = simulated_user.scribble(draw, error[0], session.volume.spacing)
        world = tuple(session.world(point) for point in points)
        marks = (
            Marks(Label.LIVER, negative=world) if error[1] else Marks(Label.LIVER, positive=world)
        )
        proposal = mended.propose(marks)
        if proposal is not None:
            labels[proposal.box] = proposal.applied(labels[proposal.box])
        yield Progress("Mending the liver", 0.9 + 0.03 * number)
    return figures


def _nsd_3mm(found: Mask, truth: Mask, volume: Volume) -> float:
    return surface_agreement(found, truth, volume.spacing).nsd_3mm
