"""Session files, ``NAME.liverview``: a zip of JSON and label maps."""
