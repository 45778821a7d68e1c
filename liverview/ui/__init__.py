"""The window. The only package that knows Qt; threads are in `job` alone."""
