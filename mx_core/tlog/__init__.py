"""Transparency log: trees, notes, checkpoints.  Pure."""
