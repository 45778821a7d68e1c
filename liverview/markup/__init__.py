"""Rulers and ellipses that a person draws on slices, kept with a scan."""

from liverview.markup.listing import Entry, MarkupError, Markups
from liverview.markup.shapes import Ellipse, EllipseStats, Markup, Ruler

__all__ = ["Ellipse", "EllipseStats", "Entry", "Markup", "MarkupError", "Markups", "Ruler"]
