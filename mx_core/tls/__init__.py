"""Certificates of a domain: its leaf, and the anchors synthesised for its peers."""
