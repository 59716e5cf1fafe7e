"""JSON over a unix socket between a command line and its daemon."""
