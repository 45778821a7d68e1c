"""Volumes, lesions with their diameters, RECIST 1.1, surfaces, rulers and ellipses."""
