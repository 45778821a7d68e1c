"""Amounts as people read them."""

from __future__ import annotations


def format_ml(ml: float) -> str:
    """Whole mL from 100 on, one decimal below."""
    return f"{ml:,.0f} mL" if ml >= 99.95 else f"{ml:.1f} mL"
