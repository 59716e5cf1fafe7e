"""The page and the control API."""
