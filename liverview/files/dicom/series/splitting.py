"""From the headers of a DICOM series to the volumes in it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.pixels import hu_pixels as pixels
from liverview.files.dicom.places.sources import FileSource
from liverview.files.dicom.series import geometry
from liverview.files.dicom.series.multiframe import StackSlice, slices_of
from liverview.files.dicom.series.parts import Part
from liverview.files.dicom.series.repeats import split_repeats
from liverview.files.dicom.series.sentences import (
    grid_sentences,
    kind_sentences,
    place_of,
    plane_of,
)
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume
from liverview.files.opening import ImageFileError

_SEGMENTATION = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_CONTOURS = "1.2.840.10008.5.1.4.1.1.481.3"
LABEL_CLASSES = frozenset((*_SEGMENTATION, _CONTOURS))
"""SOP classes of label maps: segmentations and structure sets."""
_SAME_DIRECTION = 0.002  # of cosines; rounding to three digits
_SAME_SPACING = 2e-4  # share; rounding to four digits
_GAP_MM, _GAP_STEPS = 30, 10  # a gap above both is no missing slice
_ASIDE_MM = 0.5  # by which a slice lies beside the line of the others
_NAMED = 3  # files that a sentence names


def split_series(headers: Sequence[SliceHeader]) -> tuple[SeriesVolume, ...]:
    """The volumes that images make, the largest CT first.

    Images of one series are one volume where they have one patient, orientation, size and spacing,
    and lie at places of their own; what tells volumes of a series apart is their
    ``study.part``. Localizers, copies, phases and reconstructions are told from each other by
    `liverview.files.dicom.series.repeats`. Pixels are read only to tell copies from phases.
    """
    series: dict[Hashable, list[SliceHeader]] = {}
    for header in headers:
        series.setdefault(header.study.series_uid, []).append(header)
    found: list[SeriesVolume] = []
    for images in series.values():
        patients = _by_patient(images)
        for number, own in enumerate(patients):
            name = f"patient {number + 1} of {len(patients)}" if len(patients) > 1 else ""
            found += _split_images(own, name)
    return tuple(found)


def _by_patient(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    patients: dict[Hashable, list[SliceHeader]] = {}
    for header in headers:
        study = header.study
        whose = study.patient_id, study.patient_name, study.birth_date
        patients.setdefault(whose, []).append(header)
    return list(patients.values())


def _split_images(headers: Sequence[SliceHeader], patient: str) -> list[SeriesVolume]:
    """The volumes of one patient in a series."""
    labels = [header for header in headers if header.sop_class in LABEL_CLASSES]
    rest = [header for header in headers if header.sop_class not in LABEL_CLASSES]
    images = [header for header in rest if header.rows]
    documents = [header for header in rest if not header.rows]
    good, bad = _check_all(images)
    parts = [part for group in _group(good) for part in _split_group(group)]
    parts.sort(key=lambda part: (_kind_of(part.slices) is not SeriesKind.CT, -len(part.slices)))
    volumes = [_volume_of(part, patient) for part in parts]
    volumes = _with_others_named(volumes)
    if volumes and bad:
        volumes[0] = replace(volumes[0], remarks=(*volumes[0].remarks, _left_out(bad)))
    elif bad:
        volumes.append(_refused([each.file for each, _ in bad], _refusal(bad)))
    if patient and volumes:
        note = "The series has images of several patients: they are volumes of their own."
        volumes = [replace(each, remarks=(*each.remarks, note)) for each in volumes]
    volumes += [_without_image([header], SeriesKind.LABELS) for header in labels]
    if documents:
        volumes.append(_without_image(documents, SeriesKind.NO_IMAGE))
    return volumes


# ---- images that cannot be used ---------------------------------------------------------------


def _check_all(
    headers: Sequence[SliceHeader],
) -> tuple[list[StackSlice], list[tuple[StackSlice, str]]]:
    """Slices that can be used, and those that cannot, with the reason."""
    good: list[StackSlice] = []
    bad: list[tuple[StackSlice, str]] = []
    for header in headers:
        try:
            slices = slices_of(header)
        except ImageFileError:
            bad.append((StackSlice(header, header), "has a header that cannot be read"))
            continue
        for each in slices:
            problem = pixels.problem_of(each.header) or geometry.problem_of(each.header)
            if problem:
                bad.append((each, problem))
            else:
                good.append(each)
    return good, bad


def _short_name(each: StackSlice) -> str:
    source = each.file.source
    name = source.path.name if isinstance(source, FileSource) else source.name
    return f"frame {each.frame} of {name}" if each.frame else name


def _left_out(bad: Sequence[tuple[StackSlice, str]]) -> str:
    named = [f"{_short_name(each)} {why}" for each, why in bad[:_NAMED]]
    more = f", and {len(bad) - _NAMED} more like it" if len(bad) > _NAMED else ""
    verb = "was" if len(bad) == 1 else "were"
    return f"{'; '.join(named)}{more}: {'it' if len(bad) == 1 else 'they'} {verb} left out."


def _refusal(bad: Sequence[tuple[StackSlice, str]]) -> str:
    each, why = bad[0]
    more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
    return f"{each.file.source.name}{more} {why}: choose a series of CT slices."


def _refused(headers: Sequence[SliceHeader], refusal: str) -> SeriesVolume:
    first = headers[0]
    modality = first.study.modality
    kind = SeriesKind.CT if modality == "CT" else SeriesKind.OTHER_MODALITY
    files = tuple(dict.fromkeys(headers))
    shape = (first.columns, first.rows, sum(max(header.frames, 1) for header in files))
    return SeriesVolume(files, first.study, kind, shape, (0.0, 0.0, 0.0), (), refusal)


def _without_image(headers: Sequence[SliceHeader], kind: SeriesKind) -> SeriesVolume:
    first = headers[0]
    name, what = first.source.name, first.study.modality or "a document"
    refusal = (
        f"{name} is a label map ({what}): open the scan, and then this as its labels."
        if kind is SeriesKind.LABELS
        else f"{name} has no image ({what}): choose a series of CT slices."
    )
    shape = (first.columns, first.rows, first.frames if first.rows else 0)
    return SeriesVolume(tuple(headers), first.study, kind, shape, (0.0, 0.0, 0.0), (), refusal)


# ---- groups -----------------------------------------------------------------------------------


def _group(slices: Sequence[StackSlice]) -> list[Part]:
    """Slices by localizer or not, stack, orientation, size and spacing."""
    groups: list[list[StackSlice]] = []
    for each in slices:
        fitting = (group for group in groups if _alike(group[0], each))
        chosen = next(fitting, None)
        if chosen is None:
            groups.append([each])
        else:
            chosen.append(each)
    names = [_group_names(group[0]) for group in groups]
    telling = [len({each[n] for each in names}) > 1 for n in range(4)]
    return [
        Part(group, tuple(n for n, tells in zip(own, telling, strict=True) if tells and n))
        for group, own in zip(groups, names, strict=True)
    ]


def _alike(first: StackSlice, second: StackSlice) -> bool:
    one, other = first.header, second.header
    assert one.orientation is not None
    assert other.orientation is not None
    assert one.pixel_spacing is not None
    assert other.pixel_spacing is not None
    apart = max(abs(a - b) for a, b in zip(one.orientation, other.orientation, strict=True))
    sizes = zip(one.pixel_spacing, other.pixel_spacing, strict=True)
    return (
        apart <= _SAME_DIRECTION
        and (one.rows, one.columns) == (other.rows, other.columns)
        and all(abs(a - b) <= _SAME_SPACING * a for a, b in sizes)
        and first.stack == second.stack
        and _is_localizer(one) == _is_localizer(other)
    )


def _group_names(each: StackSlice) -> tuple[str, str, str, str]:
    header = each.header
    assert header.pixel_spacing is not None
    stack = f"stack {each.stack}" if each.stack else ""
    localizer = "localizer" if _is_localizer(header) else ""
    size = f"{header.columns}x{header.rows} of {header.pixel_spacing[1]:.3g} mm"
    return localizer, stack, plane_of(header), size


def _is_localizer(header: SliceHeader) -> bool:
    return any(value.upper() in ("LOCALIZER", "SCOUT") for value in header.image_type)


def _kind_of(slices: Sequence[StackSlice]) -> SeriesKind:
    header = slices[0].header
    if header.study.modality != "CT":
        return SeriesKind.OTHER_MODALITY
    return SeriesKind.LOCALIZER if _is_localizer(header) else SeriesKind.CT


def _split_group(part: Part) -> list[Part]:
    return [run for piece in split_repeats(part) for run in _split_runs(piece)]


def _split_runs(part: Part) -> list[Part]:
    """Sorted along the normal; apart where so much is missing that nothing can stand for it.

    Apart, too, where the images have another center from one slice on.
    """
    heights = geometry.heights_of([each.header for each in part.slices])
    order = np.argsort(heights, kind="stable")
    slices, heights = [part.slices[n] for n in order], heights[order]
    if len(slices) < 3:
        return [replace(part, slices=slices)]
    steps = np.diff(heights)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    aside = np.diff(geometry.positions_of([each.header for each in slices]), axis=0)
    aside -= np.median(aside / steps[:, None], axis=0) * steps[:, None]
    far = steps > max(_GAP_MM, _GAP_STEPS * usual)
    cuts = np.flatnonzero(far | (np.linalg.norm(aside, axis=1) > _ASIDE_MM)) + 1
    if not len(cuts) or 2 * len(cuts) > len(slices):
        return [replace(part, slices=slices)]
    ends = [0, *cuts.tolist(), len(slices)]
    pieces = [slices[a:b] for a, b in pairwise(ends)]
    return [part.with_name(piece, _stretch(piece)) for piece in pieces]


def _stretch(slices: Sequence[StackSlice]) -> str:
    first, last = (place_of(each.header) for each in (slices[0], slices[-1]))
    return f"{first.removesuffix(' mm')} to {last[2:]}"


# ---- volumes ----------------------------------------------------------------------------------


def _volume_of(part: Part, patient: str) -> SeriesVolume:
    slices, first = part.slices, part.slices[0].header
    assert first.pixel_spacing is not None
    grid = geometry.grid_of([each.header for each in slices])
    named = ", ".join((patient, *part.names) if patient else part.names)
    files = list(dict.fromkeys(each.file for each in slices))
    number = {id(file): n for n, file in enumerate(files)}
    frames = tuple((number[id(each.file)], each.frame) for each in slices if each.frame)
    rows, columns = first.pixel_spacing
    kind = _kind_of(slices)
    return SeriesVolume(
        slices=tuple(files),
        study=replace(first.study, part=named),
        kind=kind,
        shape=(first.columns, first.rows, grid.count),
        spacing=(columns, rows, float(np.linalg.norm(grid.affine[:3, 2]))),
        remarks=(*kind_sentences(first, kind), *part.remarks, *grid_sentences(slices, grid)),
        frames=frames,
    )


def _with_others_named(volumes: list[SeriesVolume]) -> list[SeriesVolume]:
    """Each says what else is in its series."""
    if len(volumes) < 2:
        return volumes
    told = []
    for volume in volumes:
        others = [_short(other) for other in volumes if other is not volume]
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        sentence = f"Its series also holds other volumes: {'; '.join(others[:_NAMED])}{more}."
        told.append(replace(volume, remarks=(*volume.remarks, sentence)))
    return told


def _short(volume: SeriesVolume) -> str:
    count = volume.shape[2]
    slices = "1 slice" if count == 1 else f"{count} slices"
    return f"{volume.study.part or volume.kind.value} ({slices})"


def expand(volume: SeriesVolume) -> list[StackSlice]:
    """The slices of a volume, ascending along their normal.

    Raises
    ------
    ImageFileError : where a multi-frame file cannot be read.
    """
    if not volume.frames:
        return [StackSlice(header, header) for header in volume.slices]
    frames = [slices_of(header) for header in volume.slices]
    return [frames[file][number - 1] for file, number in volume.frames]
