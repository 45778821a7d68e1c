"""A case as a report to read: what is in it, its key images, its HTML page, its files."""
