"""Is this gateway as it should be, what may be told of it to others, and how it goes away."""
