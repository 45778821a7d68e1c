"""The report as PDF. QtGui only; needs no window and no screen."""
