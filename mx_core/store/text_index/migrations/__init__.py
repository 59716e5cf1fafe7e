"""Revisions of the index; a change of the format is a new ``state.FORMAT``, not a migration."""
