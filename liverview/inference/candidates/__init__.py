"""Parts of a liver that may be lesions: found, described by features, judged."""
