"""The content of a structured report: groups of measurements, as templates 1500 and 1411 have it.

highdicom is imported here: only `structured_report` imports this module, when it writes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr import Measurement as Item
from pydicom.sr.codedict import codes

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.edited_volume import describe_edited
from liverview.core.labels import FOREGROUND, Label, label_entry, label_mask
from liverview.core.terms import Term, label_terms
from liverview.core.text import printable
from liverview.core.volume import LabelMap, Volume
from liverview.files.dicom.segmentations.tracking import lesion_tracking_uids
from liverview.files.dicom.series.source_header import SeriesHeader
from liverview.files.sidefiles.weights import weights_sha256
from liverview.measurement.recist import Recist, assess_recist
from liverview.measurement.results import Lesion, Measurement
from liverview.report import structured_codes as coded
from liverview.report.segment_references import SegmentReferences
from liverview.report.structured_codes import Code

Group: TypeAlias = (
    VolumetricROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations
)


def _volume_key(label: Label) -> str:
    """The key of a label's volume in the figures of a measurement; the liver's is the organ's."""
    return (
        "liver_with_vessels_and_tumors_ml" if label is Label.LIVER else f"{label.name.lower()}_ml"
    )


class ReportContent:
    """Composes the tree of one report."""

    def __init__(
        self,
        volume: Volume,
        labels: LabelMap,
        measurement: Measurement,
        header: SeriesHeader,
        template: Any,
        segments: SegmentReferences | None,
    ) -> None:
        self._volume, self._labels = volume, labels
        self._found, self._figures = measurement, measurement.to_dict()
        self._recist = assess_recist(measurement)
        self._header, self._segments = header, segments
        self._series_uid = str(template.SeriesInstanceUID)
        self._algorithm = _identify_algorithm(labels)
        self._images: dict[tuple[Any, ...], SourceImageForMeasurementGroup] = {}

    def compose_frame(self) -> MeasurementReport:
        """The tree but for its groups, of which highdicom wants one: it comes without images."""
        device = DeviceObserverIdentifyingAttributes(
            uid=_uid("liverview"), name="liverview", manufacturer_name="liverview",
            model_name=f"liverview {__version__}",
        )  # fmt: skip
        observer = ObserverContext(codes.DCM.Device, device)
        return MeasurementReport(
            ObservationContext(observer_device_context=observer),
            procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
            imaging_measurements=[self._label_group(Label.LIVER, range(0))],
            title=codes.DCM.ImagingMeasurementReport,
        )

    def iter_groups(self) -> Iterator[Group]:
        """All groups: labels, then lesions, then what is ruled out."""
        yield from self._iter_label_groups()
        yield from self._iter_lesion_groups()

    def _iter_label_groups(self) -> Iterator[Group]:
        """The liver always; of the others those that somebody drew."""
        for label in FOREGROUND:
            if label is Label.LIVER or self._found.defines(label):
                yield self._label_group(label, self._places_of(label))

    def _label_group(self, label: Label, places: range) -> Group:
        ml = self._figures[_volume_key(label)]
        items = [] if ml is None else [_volume(ml)]
        verdicts, words = [], []
        if label is Label.LIVER:
            words = [*self._found.warnings, DISCLAIMER]
            if self._found.partial:
                verdicts.append((coded.STATUS, coded.PARTIAL))
        if label is Label.TUMOR:
            items += _tumor_items(self._figures, self._recist)
            words = [self._recist.words, *self._recist.caveats]
            if self._recist.candidates:
                status = coded.CONFIRMED if self._recist.confirmed else coded.PROPOSED
                verdicts.append((coded.TARGETS, status))
        return self._group(
            TrackingIdentifier(_uid(f"{self._series_uid} {label.name}"), label_entry(label).name),
            label, items, verdicts, words, places, None,
        )  # fmt: skip

    def _iter_lesion_groups(self) -> Iterator[Group]:
        ruled_out = [one.lesion for one in self._found.ruled_out]
        every = [*self._found.lesions, *ruled_out]
        uids = lesion_tracking_uids(self._series_uid, [each.centroid_mm for each in every])
        reasons = [one.reason for one in self._found.ruled_out]
        for index, (lesion, uid) in enumerate(zip(every, uids, strict=True)):
            place = index - len(self._found.lesions)
            if place < 0:
                name, (verdict, reason) = f"Lesion {lesion.number}", self._verdict(lesion)
            else:
                name = f"Ruled out {place + 1}"
                verdict, reason = coded.RULED_OUT, reasons[place]
            across = self._slice_axis
            start = lesion.start[across]
            yield self._group(
                TrackingIdentifier(uid, name),
                Label.TUMOR,
                _lesion_items(lesion.to_dict()),
                [] if verdict is None else [(coded.VERDICT, verdict)],
                [reason] if reason else [],
                range(start, start + lesion.mask.shape[across]),
                uid,
                in_segment=place < 0,
            )

    def _verdict(self, lesion: Lesion) -> tuple[Code | None, str]:
        if lesion.number in self._recist.excluded:
            return coded.NO_TARGET, self._recist.excluded[lesion.number]
        if lesion not in self._recist.candidates:
            return None, ""
        return coded.TARGET if self._recist.confirmed else coded.CANDIDATE, ""

    def _group(
        self,
        tracking: TrackingIdentifier,
        label: Label,
        items: Sequence[Item],
        verdicts: Sequence[tuple[Code, Code]],
        words: Sequence[str],
        places: range,
        uid: str | None,
        in_segment: bool = True,
    ) -> Group:
        """A group of measurements.

        Parameters
        ----------
        places : indices of the volume across which the scan's own slices lie.
        uid : of a lesion, by which its own segment is known.
        in_segment : its voxels are in the segments of its label.
        """
        terms = label_terms(label)
        sites = None if terms.region is None else [FindingSite(_sct(terms.region))]
        said: dict[str, Any] = {
            "tracking_identifier": tracking,
            "finding_category": _sct(terms.category),
            "finding_type": _sct(terms.type),
            "finding_sites": sites,
            "algorithm_id": self._algorithm,
            "measurements": items or None,
            "qualitative_evaluations": [
                QualitativeEvaluation(_concept(name), _concept(value)) for name, value in verdicts
            ]
            or None,
        }
        segment = self._segment(label, uid) if in_segment else None
        group: Group
        if segment is not None:
            group = VolumetricROIMeasurementsAndQualitativeEvaluations(
                referenced_segment=segment, **said
            )
        else:
            group = MeasurementsAndQualitativeEvaluations(
                source_images=self._source_images(places) or None, **said
            )
        group[0].ContentSequence.extend(_comment(text) for text in words)
        return group

    def _segment(self, label: Label, uid: str | None) -> ReferencedSegment | None:
        if self._segments is None:
            return None
        number = self._segments.by_tracking.get(uid or "", self._segments.by_label.get(label))
        if number is None:
            return None
        data = self._segments.data
        return ReferencedSegment(
            data.SOPClassUID, data.SOPInstanceUID, number,
            source_series=SourceSeriesForSegmentation(self._series_uid),
        )  # fmt: skip

    @property
    def _slice_axis(self) -> int:
        """The axis of the volume across which its series was sliced."""
        assert self._volume.source is not None
        return int(self._volume.source.orientation[2][0])

    def _places_of(self, label: Label) -> range:
        """From the first to the last of the scan's slices in which a label is."""
        slices = np.moveaxis(self._labels.voxels, self._slice_axis, 0)
        hits = [index for index, cut in enumerate(slices) if label_mask(cut, label).any()]
        return range(hits[0], hits[-1] + 1) if hits else range(0)

    def _source_images(self, places: range) -> list[SourceImageForMeasurementGroup]:
        """The images of some of the scan's slices."""
        source = self._volume.source
        assert source is not None
        if source.orientation[2][1] < 0:
            last = source.shape[2] - 1
            places = range(last - places.stop + 1, last - places.start + 1)
        frames: dict[tuple[str, str], list[int]] = {}
        for each in self._header.slices:
            if each.place in places:
                found = frames.setdefault((each.sop_class, each.sop_instance), [])
                if each.frame:
                    found.append(each.frame)
        return [self._image(*image, tuple(numbers)) for image, numbers in frames.items()]

    def _image(
        self, sop_class: str, sop_instance: str, numbers: tuple[int, ...]
    ) -> SourceImageForMeasurementGroup:
        """A reference to an image; groups share it, for it takes a millisecond to make."""
        key = (sop_instance, numbers)
        if key not in self._images:
            self._images[key] = SourceImageForMeasurementGroup(
                sop_class, sop_instance, referenced_frame_numbers=numbers or None
            )
        return self._images[key]


def _identify_algorithm(labels: LabelMap) -> AlgorithmIdentification:
    """What measured, with the weights that made the labels, or, where nothing says, the installed.

    What a person changed is said with them.
    """
    try:
        made = json.loads(labels.made_by) if labels.made_by else {}
    except ValueError:
        made = {}
    said = made.get("weights_sha256") if isinstance(made, dict) else None
    known = isinstance(said, dict)
    hashes = said if isinstance(said, dict) else weights_sha256()
    kind = "weights" if known else "installed weights"
    # One text: dcmqi's reader looks at the first alone.
    listed = ", ".join(f"{name} SHA-256 {digest}" for name, digest in hashes.items())
    parameters = [f"{kind} {listed}"] if listed else []
    edited = describe_edited(labels.edited)
    if edited:
        parameters.append(f"edited by hand: {edited}")
    joined = ["; ".join(parameters)] if parameters else None
    return AlgorithmIdentification("liverview", __version__, joined)


def _tumor_items(figures: Any, recist: Recist) -> list[Item]:
    burden, total = figures["tumor_burden_percent"], recist.sum_of_diameters_mm
    items = [] if burden is None else [_item(coded.BURDEN, burden, coded.PERCENT)]
    if total is not None and recist.candidates:
        items.append(
            _item(coded.SUM_OF_DIAMETERS, total, coded.MILLIMETER, method=_concept(coded.RECIST))
        )
    return items


def _lesion_items(figures: Any) -> list[Item]:
    items = [
        _volume(figures["volume_ml"]),
        _item(coded.LONG_AXIS, figures["axial_diameter_mm"], coded.MILLIMETER),
        _item(coded.SHORT_AXIS, figures["perpendicular_diameter_mm"], coded.MILLIMETER),
    ]
    for key, derivation in (("mean_hu", coded.MEAN), ("sd_hu", coded.STANDARD_DEVIATION)):
        if figures[key] is not None:
            items.append(
                _item(
                    coded.ATTENUATION, figures[key], coded.HOUNSFIELD,
                    derivation=_concept(derivation),
                )
            )  # fmt: skip
    return items


def _volume(ml: float) -> Item:
    return _item(coded.VOLUME, ml, coded.MILLILITER, method=_concept(coded.VOXELS))


def _item(name: Code, value: float, unit: Code, **more: Any) -> Item:
    return Item(_concept(name), value, _concept(unit), **more)


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)


def _sct(term: Term) -> CodedConcept:
    return CodedConcept(term.code, "SCT", term.meaning)


def _comment(text: str) -> TextContentItem:
    return TextContentItem(
        _concept(coded.COMMENT), printable(text), RelationshipTypeValues.CONTAINS
    )


def _uid(name: str) -> str:
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"
