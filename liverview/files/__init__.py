"""Files in and out: the registry of formats, and a module or package for each of them."""
