"""How this gateway comes to its master key at start, and waits locked without it."""
