"""De-identified copies of series, by the basic profile of PS3.15, Annex E."""
