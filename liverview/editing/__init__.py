"""Corrections of labels by hand, without a window."""
