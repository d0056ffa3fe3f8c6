"""Kernel parameters: which there are, who may set them, and where they are set."""
