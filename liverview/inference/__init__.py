"""Segmentation with trained networks, as a stream."""
