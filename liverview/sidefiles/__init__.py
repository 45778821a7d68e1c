"""Files beside a label map that carry its names and colors to other programs, and theirs to us."""

from liverview.sidefiles.finding import find_names
from liverview.sidefiles.weights import weights_sha256
from liverview.sidefiles.writing import SideFiles, save_side_files

__all__ = ["SideFiles", "find_names", "save_side_files", "weights_sha256"]
