"""What a recovery sheet opens: the passport, and backups that were sealed to it."""
