"""Headers of DICOM files, read quickly and by several threads, up to the pixels."""
