"""Ordinary accounts elsewhere, whose mail is pulled in and whose flags are kept the same."""
