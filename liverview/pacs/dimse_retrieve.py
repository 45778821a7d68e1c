"""Retrieving by C-GET over the association, and by C-MOVE to a storage of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import build_context, build_role

from liverview.files.dicom.quiet import quiet_pydicom
from liverview.pacs.association import Line, category, send_at_once
from liverview.pacs.errors import PacsError
from liverview.pacs.lines import server_context
from liverview.pacs.query import FoundSeries
from liverview.pacs.retrieve import Image
from liverview.pacs.storage_classes import contexts_to_receive
from liverview.pacs.waiting import Put

_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")  # study root
_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
_STORED, _NOT_ASKED_FOR, _NOT_UNDERSTOOD = 0x0000, 0x0124, 0xC000
_NO_SUCH_DESTINATION = 0xA801
_WITHOUT_CLASS = (0x0122, 0xA900)


def get(line: Line, series: FoundSeries, put: Put) -> None:
    """Put the images of a series, as they come over the association that asks for them."""
    contexts = contexts_to_receive(series.modality)
    classes = dict.fromkeys(str(each.abstract_syntax) for each in contexts)
    roles: list[SCP_SCU_RoleSelectionNegotiation] = [
        build_role(UID(each), scp_role=True) for each in classes
    ]
    receiving = (evt.EVT_C_STORE, _on_image, [series, put])
    try:
        association = line.open([build_context(_GET), *contexts], roles, [receiving])
        _follow(line, association.send_c_get(_identifier(series), _GET))
    finally:
        line.close()


def move(line: Line, series: FoundSeries, put: Put) -> None:
    """Put the images of a series, as the node sends them to our port."""
    with _open_storage(line, series, put):
        try:
            association = line.open([build_context(_MOVE)])
            title = line.node.our_ae_title.strip()
            _follow(line, association.send_c_move(_identifier(series), title, _MOVE))
        finally:
            line.close()


@contextmanager
def _open_storage(line: Line, series: FoundSeries, put: Put) -> Iterator[None]:
    """A storage at our port while it is needed, which takes this series under our title alone."""
    node = line.node
    entity = line.make_entity()
    entity.supported_contexts = contexts_to_receive(series.modality)
    entity.require_called_aet = True
    try:
        server = entity.start_server(
            ("", node.our_port),
            block=False,
            ssl_context=server_context(node) if node.tls else None,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, send_at_once),
                (evt.EVT_C_STORE, _on_image, [series, put]),
            ],
        )
    except OSError as error:
        raise PacsError(
            f"Port {node.our_port} of this computer cannot be listened at ({error.strerror}), "
            f"to which {node.place} sends by C-MOVE: choose another, there too, or C-GET."
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        entity.shutdown()


def _identifier(series: FoundSeries) -> Dataset:
    data = Dataset()
    data.QueryRetrieveLevel = "SERIES"
    data.StudyInstanceUID, data.SeriesInstanceUID = series.study_uid, series.uid
    return data


def _on_image(event: Any, series: FoundSeries, put: Put) -> int:
    """Take an image; whatever is not of the series is refused."""
    data = event.encoded_dataset()
    try:
        with quiet_pydicom():  # by C-MOVE, the thread is another one
            found = dcmread(
                BytesIO(data), stop_before_pixels=True, specific_tags=["SeriesInstanceUID"]
            )
    except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError):
        return _NOT_UNDERSTOOD
    if str(found.get("SeriesInstanceUID", "")) != series.uid:
        return _NOT_ASKED_FOR
    put(Image(str(event.request.AffectedSOPInstanceUID), data))
    return _STORED


def _follow(line: Line, replies: Iterator[tuple[Dataset, Dataset | None]]) -> None:
    """Follow the replies to their end, and raise where not all images came."""
    node, doing = line.node, "images were retrieved"
    status = Dataset()
    for status, _ in replies:
        if "Status" not in status:
            raise line.silent(doing)
        if category(status.Status) != "Pending":
            break
    else:
        raise line.silent(doing)
    failed = int(status.get("NumberOfFailedSuboperations", 0) or 0)
    done = int(status.get("NumberOfCompletedSuboperations", 0) or 0)
    if failed:
        raise PacsError(
            f"{node.place} could not send {failed} of {failed + done} images, so none was kept: "
            f"try again, or {_other_way(line)}."
        )
    if category(status.Status) in ("Success", "Warning"):
        return
    if status.Status == _NO_SUCH_DESTINATION:
        raise PacsError(
            f"{node.place} does not know where {node.our_ae_title} is, to send images there: "
            f"enter it there, with this computer's address and port {node.our_port}, or set C-GET."
        )
    if status.Status in _WITHOUT_CLASS:
        raise PacsError(f"{node.place} does not offer {node.retrieval.value}: {_other_way(line)}.")
    raise PacsError(
        f"{node.place} refused to send images by {node.retrieval.value} "
        f"(status {status.Status:04X}): {_other_way(line)}, or ask who runs it."
    )


def _other_way(line: Line) -> str:
    other = "C-MOVE" if line.node.retrieval.value == "C-GET" else "C-GET"
    return f"set {other} for this node"
