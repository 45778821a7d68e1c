"""Many scans, one after the other."""
