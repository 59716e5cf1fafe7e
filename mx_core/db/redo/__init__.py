"""Lone changes that are on the disk as the statements that made them, before they are committed."""
