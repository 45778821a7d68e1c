"""The docks beside the views, and the status bar."""
