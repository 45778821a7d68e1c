"""CT series that are written, and what all files that are made from a series have in common."""
