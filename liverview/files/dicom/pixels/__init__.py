"""Pixels of DICOM images, compressed or not."""
