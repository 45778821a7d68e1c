"""The values that all speak of: volumes, grids, labels, streams. No torch, no Qt, no files."""
