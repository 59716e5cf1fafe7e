"""The accounts of this gateway while they are open: each with its store, its carrier and its tasks."""
