"""The commands that change messages."""
