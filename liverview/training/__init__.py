"""Training on phantoms: recipes, samples drawn on the fly, the loop, the export."""
