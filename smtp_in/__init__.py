"""Submission, the front door for outgoing mail."""
