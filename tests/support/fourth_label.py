"""The entry of a label that the table does not have."""

from __future__ import annotations

CYST = """
[cyst]
value = 4
name = "Cysts"
plural = "cysts"
description = "Cysts inside the liver"
parent = "liver"
color = [0, 158, 115]
opacity = 0.5
key = "Q"
threshold = 0.5
least_ml = 0.02
mesh = { spacing_mm = 1.0, blur_mm = 1.0, opacity = 1.0 }
key_image = "outlined"
called = ["cyst", "cysts"]
[cyst.terms]
category = ["49755003", "Morphologically Altered Structure"]
type = ["103552005", "Cyst"]
"""
