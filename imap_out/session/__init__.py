"""What each command does, over ports.  Pure: it awaits ports only."""
