"""The registry of file formats: names, suffixes, dialogs, and what a file is.

A format is a module with the functions of `FormatFunctions`, and an entry in `FORMATS`; see
`liverview.files.images` for reading and writing. What a file is, its first bytes say; its suffix
is asked only where they say nothing. Modules, which may be slow to import, are loaded when a
file is read or written.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from liverview.files import atomic
from liverview.files.dicom_places import holds_dicom
from liverview.files.foreign import refuse_foreign
from liverview.files.foreign_kinds import is_dicom, is_dicom_over_nifti
from liverview.files.format import Format, FormatFunctions
from liverview.files.opening import ImageFileError, PathLike, as_path
from liverview.files.pairs import header_beside

_GENERIC = re.compile(
    r"(ct|cts|mr|mri|scans?|images?|imgs?|imaging|vol(ume)?s?|data|dicom|series|nii|"
    r"nifti|input|original|orig|raw|0+)"
)
"""Names of files and folders that many cases share, in lower case."""
_GENERIC_DICOM = re.compile(
    r"(dicomdir|dcm|disc|disk|cd|cdrom|export|study|studies|patient|slices?|[0-9a-f]{8}|"
    r"(im|img|image|i|ima|se|ser|series|s|st|stu|study|pa|pat|ct|mr|slice|dicom|d)_?\d+|"
    r"[012](\.\d+){3,})"
)
"""The same, as discs and archives call places of DICOM: by counters, digests and UIDs."""
_PLACES = {"", "downloads", "desktop", "documents", "tmp", "temp", "home", "users", "mnt", "media"}
"""Folders that say nothing about the case: what is above them does not either."""
DEFAULT_SUFFIX = ".nii.gz"
"""The suffix of files that liverview names itself."""
_SEGMENTS_ONLY = {".seg.nrrd": "Slicer segmentation"}
"""Suffixes of label maps alone, and what a dialog calls them."""
_SERIES_ENTRY = "DICOM series, a folder (*)", ""
_GZIP = b"\x1f\x8b"
_HEAD = 1024  # bytes to know a format by


def _load_nifti() -> FormatFunctions:
    from liverview.files import nifti

    return nifti


def _is_nifti(head: bytes) -> bool:
    """True where the header's size stands first, of NIfTI-1 or -2, in either byte order."""
    sizes = int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")
    other = _is_analyze(head) or is_dicom_over_nifti(head, "")
    return (348 in sizes or 540 in sizes) and not other


def _is_analyze(head: bytes) -> bool:
    """True for a header of 348 bytes, a few more at most, without NIfTI's mark."""
    sizes = int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")
    return 348 in sizes and 348 <= len(head) <= 352 and head[344:346] not in (b"n+", b"ni")


def _load_nrrd() -> FormatFunctions:
    from liverview.files import nrrd

    return nrrd


def _load_metaimage() -> FormatFunctions:
    from liverview.files import metaimage

    return metaimage


_META_FIELD = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:Comment|ObjectType|ObjectSubType|NDims)\s*=", re.IGNORECASE
)


def _is_metaimage(head: bytes) -> bool:
    return _META_FIELD.match(head) is not None


def _load_analyze() -> FormatFunctions:
    from liverview.files import analyze

    return analyze


def _load_dicom() -> FormatFunctions:
    from liverview.files import dicom

    return dicom


DICOM = Format("DICOM", (".dcm",), lambda head: is_dicom(head, ""), _load_dicom)
"""A scan of it is a place with many files; a file of its own is a label map."""
FORMATS: tuple[Format, ...] = (
    Format("NIfTI", (".nii.gz", ".nii"), _is_nifti, _load_nifti),
    DICOM,
    Format(
        "NRRD",
        (".nrrd", ".seg.nrrd", ".nhdr"),
        lambda head: head.startswith(b"NRRD000"),
        _load_nrrd,
        written=(".nrrd", ".seg.nrrd"),
    ),
    Format("MetaImage", (".mha", ".mhd"), _is_metaimage, _load_metaimage, written=(".mha",)),
    Format("Analyze", (".hdr", ".img"), _is_analyze, _load_analyze, written=()),
)


# ---- names -----------------------------------------------------------------------------------


def suffixes() -> tuple[str, ...]:
    """The suffixes of all formats, the one that liverview gives first."""
    return tuple(suffix for known in FORMATS for suffix in known.suffixes)


def suffix_words(known: Format | None = None) -> str:
    """The suffixes of a format, or of all, in words: ``.nii or .nii.gz``."""
    return _in_words(known.suffixes if known else suffixes())


def _in_words(endings: tuple[str, ...]) -> str:
    *others, last = sorted(endings)
    return f"{', '.join(others)} or {last}" if others else last


def open_filter() -> str:
    """The filter of a dialog that opens a scan or a label map."""
    each = [f"{known.name} ({_patterns(sorted(known.suffixes))})" for known in FORMATS]
    together = [f"Scans ({_patterns(sorted(suffixes()))})"] if len(each) > 1 else []
    return ";;".join([*together, *each, "All files (*)"])


def save_filter(*, of_dicom: bool = True) -> str:
    """The filter of a dialog that saves a label map; ``of_dicom``, of a scan that is DICOM."""
    return ";;".join(text for text, suffix in _label_entries() if of_dicom or suffix != ".dcm")


def scan_filter() -> str:
    """The filter of a dialog that saves a scan; a DICOM series is a folder."""
    return ";;".join(text for text, _ in _scan_entries())


def suffix_of_filter(chosen: str) -> str:
    """The suffix for a name that has none, by the part of a filter that was chosen.

    It is empty for a DICOM series.
    """
    return dict([*_scan_entries(), *_label_entries()]).get(chosen, DEFAULT_SUFFIX)


def saved_suffixes() -> tuple[str, ...]:
    """The suffixes that files can be saved with."""
    return tuple(suffix for known in FORMATS for suffix in known.saved_suffixes)


def _label_entries() -> list[tuple[str, str]]:
    """Each part of the filter for label maps, and the suffix that it gives."""
    found = []
    for known in FORMATS:
        entry = _entry(known)
        if known is DICOM:
            found.append((f"DICOM segmentation ({_patterns(known.suffixes)})", known.suffixes[0]))
        elif entry is not None:
            found.append(entry)
        segments = [each for each in known.saved_suffixes if each in _SEGMENTS_ONLY]
        found += [(f"{_SEGMENTS_ONLY[each]} (*{each})", each) for each in segments]
    return found


def _scan_entries() -> list[tuple[str, str]]:
    """The same for scans."""
    entries = [_SERIES_ENTRY if known is DICOM else _entry(known) for known in FORMATS]
    return [entry for entry in entries if entry is not None]


def _entry(known: Format) -> tuple[str, str] | None:
    """What is saved of a format, scans or label maps; None where nothing is."""
    endings = [each for each in known.saved_suffixes if each not in _SEGMENTS_ONLY]
    return (f"{known.name} ({_patterns(endings)})", endings[0]) if endings else None


def _patterns(endings: list[str] | tuple[str, ...]) -> str:
    return " ".join(f"*{ending}" for ending in endings)


def has_known_suffix(path: PathLike) -> bool:
    """True where a file's name ends as those of any format do."""
    return any(known.has_suffix(as_path(path)) for known in FORMATS)


def name_without_suffix(path: PathLike) -> str:
    """The file's name without its suffix, or without .gz or .zip."""
    name = as_path(path).name
    for ending in sorted((*suffixes(), ".gz", ".zip"), key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def case_name(path: PathLike) -> str:
    """The name of a case for a title or for files: that of the scan's file without its suffix.

    A file that is called as many are ("ct", "image", "0000") has the name of the first folder
    above that is called otherwise; its own where there is none, or in a folder for anything. So
    has a place of DICOM, for which names such as S0001 and UIDs say as little.

    Examples
    --------
    >>> from liverview.files.formats import case_name
    >>> case_name("/data/patient_12/ct.nii.gz"), case_name("/data/case7/image/0000.nii")
    ('patient_12', 'case7')
    >>> case_name("/data/patient_12/liver_01.nii.gz"), case_name("/tmp/ct.nii.gz")
    ('liver_01', 'ct')
    """
    path = as_path(path)
    own = name_without_suffix(path)
    dicom = not any(known.has_suffix(path) for known in FORMATS if known.name != "DICOM")
    if not (_is_generic(own, dicom=dicom) or (dicom and own.isdigit())):
        return own
    for folder in path.absolute().parents:
        if folder.name.lower() in _PLACES:
            break
        if not _is_generic(folder.name, dicom=dicom):
            return folder.name
    return own


def _is_generic(name: str, *, dicom: bool) -> bool:
    plain = name.lower().replace("-", "_").strip("_ .")
    found = _GENERIC.fullmatch(plain) or (dicom and _GENERIC_DICOM.fullmatch(plain))
    return bool(found)


def labels_file_name(name: str, suffix: str = DEFAULT_SUFFIX) -> str:
    """The file name for the label map of a scan of this name."""
    return f"{name}_seg{suffix}"


def find_scans(folder: PathLike) -> list[Path]:
    """The files of a folder that a format's suffix ends, sorted; hidden ones are left out.

    Those of DICOM are left out, too: a scan is many of them.

    Raises
    ------
    ImageFileError : where there are none.
    """
    files = as_path(folder).iterdir()
    found = sorted(path for path in files if _is_listed(path))
    if not found:
        refuse_foreign(as_path(folder))
        *others, last = [known.name for known in FORMATS]
        names = f"{', '.join(others)} or {last}"
        raise ImageFileError(f"{folder} is a folder without {names} files ({suffix_words()}).")
    return found


def _is_listed(path: Path) -> bool:
    """True for a file that a format reads; of a pair, that is the header; none of DICOM."""
    left_out = path.name.lower().endswith((".img", *DICOM.suffixes))
    return has_known_suffix(path) and path.name[0] != "." and not left_out


def find_named(folder: PathLike, name: str) -> Path:
    """The file of this name, without its suffix, in a folder; where there is none, its path."""
    paths = [as_path(folder) / f"{name}{suffix}" for suffix in suffixes()]
    return next(
        (path for path in paths if path.exists()), as_path(folder) / f"{name}{DEFAULT_SUFFIX}"
    )


# ---- which format ----------------------------------------------------------------------------


def format_of(path: PathLike) -> Format:
    """The format of a file: by its first bytes, else by its suffix, else the first of `FORMATS`.

    A folder or an archive with DICOM files is DICOM. The first of `FORMATS` is that of all else, so
    that the sentence about a file that is none is that of the format it claims to be.
    """
    path = as_path(path)
    if is_dicom_place(path):
        return DICOM
    head = _read_head(_described_by(path))
    by_content = [known for known in FORMATS if head and known.recognizes(head)]
    by_suffix = [known for known in FORMATS if known.has_suffix(path)]
    return (*by_content, *by_suffix, FORMATS[0])[0]


def is_dicom_place(path: PathLike) -> bool:
    """True for a folder or a zip archive that holds DICOM."""
    try:
        return holds_dicom(as_path(path))
    except OSError:  # whoever reads it says why
        return False


def functions_to_read(path: Path) -> FormatFunctions:
    """The functions that read a file.

    Raises
    ------
    ImageFileError : for a file of a kind that no format reads; it says what it is, and the way out.
    """
    if is_dicom_place(path):
        return DICOM.load()
    known = format_of(path)
    # CIFTI's and Analyze's headers begin as NIfTI's do.
    packed = known is DICOM and not known.recognizes(_read_head(path, unpacked=False))
    if known is FORMATS[0] or packed or not known.recognizes(_read_head(_described_by(path))):
        refuse_foreign(path)
    return known.load()


def _described_by(path: Path) -> Path:
    """The file that says what a file is: of the voxels of a pair, its header."""
    return header_beside(path) or path


def _read_head(path: Path, *, unpacked: bool = True) -> bytes:
    """The first bytes, unpacked; none of what is no file, or cannot be read or unpacked."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            head = file.read(_HEAD)
        packed = unpacked and head[:2] == _GZIP
        return zlib.decompressobj(31).decompress(head, _HEAD) if packed else head
    except (OSError, zlib.error):
        return b""


def format_to_write(path: Path) -> Format:
    """The format that a file's name asks for.

    Raises
    ------
    TargetError : where its suffix is that of none.
    """
    for known in FORMATS:
        if path.name.lower().endswith(known.saved_suffixes):
            return known
    raise atomic.TargetError(f"{path} must end in {_in_words(saved_suffixes())}.")
