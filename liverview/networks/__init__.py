"""The network, its checkpoints, preprocessing and runtime."""
