"""Places of DICOM: folders, archives and discs, what is in them, what of it is likely wanted."""
