"""The native carrier: speaks to the own home server."""
