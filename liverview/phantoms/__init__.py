"""Seeded synthetic abdominal CT with its exact label map."""
