"""A card, verified for a sender or a reader.  Pure."""
