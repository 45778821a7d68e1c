"""Label maps as DICOM segmentations (SEG) and contours (RTSTRUCT), in and out."""
