"""Files beside a label map that carry its names and colors to other programs, and theirs to us."""
