"""The logs of domains as one account sees them: read, held against what was seen, and told of."""
