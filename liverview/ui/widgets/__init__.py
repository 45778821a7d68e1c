"""Small widgets, icons, the theme."""
