"""Certificates between home servers: own leaves, synthesised anchors, the check per call."""
