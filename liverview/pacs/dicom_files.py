"""What has to be known of a file before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from liverview.pacs.errors import PacsError


@dataclass(frozen=True)
class FileFacts:
    """Of the head of a DICOM file: what it is and how it is stored."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str


def read_facts(path: Path) -> FileFacts:
    """Read the head of a file.

    Raises
    ------
    PacsError : where it is no DICOM file.
    """
    try:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                raise InvalidDicomError
        head = read_file_meta_info(path)
        return FileFacts(
            str(head.MediaStorageSOPClassUID),
            str(head.MediaStorageSOPInstanceUID),
            str(head.TransferSyntaxUID),
        )
    except OSError as error:
        raise PacsError(f"{path.name} cannot be read ({error.strerror}): check it.") from error
    except (InvalidDicomError, AttributeError, ValueError, KeyError) as error:
        raise PacsError(
            f"{path.name} is no DICOM file, which is all that a PACS takes: save it as DICOM."
        ) from error
