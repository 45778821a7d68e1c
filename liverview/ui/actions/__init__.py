"""Commands: one file per menu."""
