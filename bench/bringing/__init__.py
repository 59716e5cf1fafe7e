"""The process that brings, which knows nothing of how its source was made."""
