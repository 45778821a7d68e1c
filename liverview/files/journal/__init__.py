"""Journals: what is changed in a case, on the disk a moment later, and read back after a crash."""
