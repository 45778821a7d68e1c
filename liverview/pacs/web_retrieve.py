"""Retrieving by WADO-RS: every file as it is stored, in one multipart reply."""

from __future__ import annotations

from io import BytesIO

from pydicom.errors import InvalidDicomError
from pydicom.filereader import dcmread

from liverview.pacs.query import FoundSeries
from liverview.pacs.retrieve import Image
from liverview.pacs.waiting import Put
from liverview.pacs.web import WebClient


def retrieve(client: WebClient, series: FoundSeries, put: Put) -> None:
    """Put the images of a series, as they come."""
    with client:
        for data in client.iter_images(series.study_uid, series.uid):
            put(_image(client, data))


def _image(client: WebClient, data: bytes) -> Image:
    try:
        found = dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        return Image(str(found.SOPInstanceUID), data)
    except (InvalidDicomError, AttributeError, ValueError, KeyError, OSError) as error:
        raise client.unexpected_reply("images") from error
