"""liverview: a desktop viewer that segments liver, vessels and tumors on CT."""

__version__ = "0.1.0"
DISCLAIMER = "Research use only, not a medical device."
