"""What each command does, over ports, by rooms.  Pure: it awaits ports only."""
