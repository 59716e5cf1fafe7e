"""Where the octets of bodies are, and whether the disk has room."""
