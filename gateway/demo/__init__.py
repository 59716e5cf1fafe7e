"""Two domains on loopback, for people and tests: all real processes, nothing opened to a network."""
