"""The linked slice views and the 3D pane."""
