"""Octets to commands and replies to octets.  Pure."""
