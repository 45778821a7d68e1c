"""Rulers and ellipses that a person draws on slices, kept with a scan."""
