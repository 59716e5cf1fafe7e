"""What an operator does to a running home server, and what it does for itself."""
