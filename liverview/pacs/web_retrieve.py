"""Retrieving by WADO-RS: every file as it is stored, in one multipart reply."""

from __future__ import annotations

from email.message import Message as Headers
from io import BytesIO

from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread

from liverview.pacs.errors import PacsError
from liverview.pacs.multipart import MultipartError, iter_parts
from liverview.pacs.query import FoundSeries
from liverview.pacs.retrieve import Image
from liverview.pacs.waiting import Put
from liverview.pacs.web import WebClient

_PIECE = 2**18  # bytes
_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def retrieve(client: WebClient, series: FoundSeries, put: Put) -> None:
    """Put the images of a series, as they come."""
    path = f"studies/{series.study_uid}/series/{series.uid}"
    with client, client.ask("GET", path, headers={"Accept": _ACCEPT}) as reply:
        headers = Headers()
        headers["Content-Type"] = reply.headers.get("Content-Type", "")
        boundary = headers.get_boundary()
        if headers.get_content_maintype() != "multipart" or not boundary:
            raise client.unexpected_reply("images")
        pieces = reply.iter_content(_PIECE)
        try:
            for part in iter_parts(pieces, boundary.encode()):
                put(_image(client, part))
        except MultipartError as error:
            raise PacsError(
                f"{client.node.place} dropped the line in the middle of the images, "
                "so none was kept: try again."
            ) from error


def _image(client: WebClient, data: bytes) -> Image:
    try:
        found = dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        return Image(str(found.SOPInstanceUID), data)
    except (InvalidDicomError, AttributeError, ValueError, KeyError, OSError) as error:
        raise client.unexpected_reply("images") from error
