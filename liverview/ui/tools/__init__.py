"""One file per mouse tool."""
