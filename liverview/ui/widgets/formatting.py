"""Amounts as people read them."""

from __future__ import annotations

import math


def format_ml(ml: float) -> str:
    """Whole mL from 100 on, one decimal below; a dash for no figure."""
    if math.isnan(ml):
        return "–"
    return f"{ml:,.0f} mL" if ml >= 99.95 else f"{ml:.1f} mL"
