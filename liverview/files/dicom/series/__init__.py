"""From the headers of a series to its volumes: told apart, on their true places, in HU."""
