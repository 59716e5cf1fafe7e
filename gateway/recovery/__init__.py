"""Backups, and the way back from them: with a recovery sheet, to a new device."""
