"""This domain itself: its keys, its document, and how it finds others."""
