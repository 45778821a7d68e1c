"""The version of liverview, and what it is not."""

__version__ = "0.1.0"
DISCLAIMER = "Research use only, not a medical device."
