"""Pins, and what a change of a pinned thing does.  Pure."""
