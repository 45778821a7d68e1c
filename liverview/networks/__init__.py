"""The network, its checkpoints and what a device needs to run it."""
