"""Pairs of a header (.hdr) and its voxels (.img): recognized, not read."""

from __future__ import annotations

from pathlib import Path

from liverview.files.opening import ImageFileError

_VOXELS, _HEADER = (".img", ".img.gz"), (".hdr", ".hdr.gz")
_MAGIC = (b"ni1", b"ni2")


def refuse_voxels_of_pair(path: Path) -> None:
    """Refuse the voxels of a pair, which are known by their name: they begin with anything.

    Raises
    ------
    ImageFileError : for a file of such a name; it says where its header is, and what to do.
    """
    for ending in _VOXELS:
        if path.name.lower().endswith(ending):
            stem = path.name[: -len(ending)]
            header = _beside(path, stem, _HEADER)
            if header is None:
                raise ImageFileError(
                    f"{path} is the voxels of an .hdr/.img pair, and there is no {stem}.hdr beside "
                    "it: fetch that, too, then convert the pair to one .nii file."
                )
            raise ImageFileError(
                f"{path} is the voxels of an .hdr/.img pair, whose header is {header.name}: "
                f"{_convert(header, stem)}"
            )


def refuse_header_of_pair(path: Path, magic: bytes) -> None:
    """Refuse the header of a pair, by NIfTI's mark for such.

    Raises
    ------
    ImageFileError : for a header of a pair; it says what to do.
    """
    if magic[:3] in _MAGIC:
        ending = next((end for end in _HEADER if path.name.lower().endswith(end)), "")
        stem = path.name.removesuffix(ending) if ending else path.stem
        raise ImageFileError(f"{path} is the header of an .hdr/.img pair: {_convert(path, stem)}")


def file_of_pair(path: Path, given: tuple[str, ...], wanted: tuple[str, ...]) -> Path | None:
    """The other file of a pair by its endings, in either case; a file that is none of ``given``.

    None where it is not there.
    """
    for ending in sorted(given, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return _beside(path, path.name[: -len(ending)], wanted)
    return path


def header_beside(path: Path) -> Path | None:
    """The header of a pair whose voxels a file's name says it to be; None where there is none."""
    found = file_of_pair(path, _VOXELS, _HEADER)
    return None if found == path else found


def _beside(path: Path, stem: str, endings: tuple[str, ...]) -> Path | None:
    """The file of this stem and one of the endings, in either case, in the path's folder."""
    names = [stem + ending for end in endings for ending in (end, end.upper())]
    return next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)


def _convert(header: Path, stem: str) -> str:
    return (
        f"convert the pair to one .nii file, for example by nibabel's nib-convert {header.name} "
        f"{stem}.nii."
    )
