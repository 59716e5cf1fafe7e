"""Who this account is: its passport, its epoch keys, and how it came to be."""
