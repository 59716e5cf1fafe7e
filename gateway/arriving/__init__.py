"""The flow in: who wrote it, what is said of it, where it is stored."""
