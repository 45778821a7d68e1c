"""The open case and how it is looked at. QtCore only."""
