"""Messages to runs: here, or by a worker while there is much to be indexed.  Decision 0033."""
