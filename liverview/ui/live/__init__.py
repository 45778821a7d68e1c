"""Results that follow the labels as they change."""
